/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - runs a fuzzer once over each file of its corpus, and over what it once found.
 *
 * So every seed is a test of every commit, by any compiler.  Named files instead:
 * only those.
 */
#include <dirent.h>
#include <errno.h>

#include "fuzz.h"

static int count;

static void replay(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "re");
	must(file != NULL, path);
	size_t len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	/* A copy of just that size, so that a byte too far is seen. */
	uint8_t *copy = malloc(len + !len);
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	printf("ok %d - %s\n", ++count, path);
	fflush(stdout);
}

static int is_seed(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_folder(const char *kind, const char *name)
{
	char folder[512], path[1024];
	struct dirent **seeds;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/%s/%s", fuzz_source(), kind, name);
	int seed_count = scandir(folder, &seeds, is_seed, alphasort);
	for (int i = 0; i < seed_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, seeds[i]->d_name);
		replay(path);
		free(seeds[i]);
	}
	if (seed_count >= 0)
		free(seeds);
}

/* "tests/http_fuzz_test" replays what lies under "http". */
int main(int argc, char **argv)
{
	char name[64];
	int count_said = argc;
	char **said = argv;
	LLVMFuzzerInitialize(&count_said, &said); /* may say more to libFuzzer, which is not here */
	snprintf(name, sizeof(name), "%s", program_invocation_short_name);
	name[strcspn(name, "_")] = '\0';
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1) {
		replay_folder("corpus", name);
		replay_folder("found", name);
	}
	return 0;
}
