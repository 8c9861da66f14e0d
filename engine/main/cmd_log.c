/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_log.c - sluice log: what has been accepted, whether it is whole, and all of it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/folder.h"
#include "main/record.h"
#include "main/shown.h"
#include "sdk/text.h"
#include "sdk/time.h"
#include "store/log.h"

#define SLICE_BYTES ((size_t)1 << 20)
#define SLICE_MOST 1000

/* DATA/log; NULL: it has been said that there is none. */
static char *log_folder(const struct command_line *line, const struct folder *folder, int *code)
{
	struct buf path = { 0 };
	buf_format(&path, "%s/log", folder->data);
	if (access(path.at, R_OK | X_OK) == 0)
		return path.at;
	*code = errno == ENOENT ? command_no(line, "there is no log in %s", folder->data)
				: command_no(line, "%s: %s", path.at, strerror(errno));
	buf_free(&path);
	return NULL;
}

/* What a command does with the log's folder; the exit code. */
typedef int looking(const struct command_line *line, const struct folder *folder, const char *dir);

static int look_into(const struct command_line *line, looking *look)
{
	struct folder folder;
	int code;
	if (!folder_open(line, &folder, &code))
		return code;
	char *dir = log_folder(line, &folder, &code);
	if (dir)
		code = look(line, &folder, dir);
	free(dir);
	folder_close(&folder);
	return code;
}

/* ------------------------------------------------------------------- fsck */

struct faults_found {
	struct buf out;
	bool json;
	uint64_t count;
};

static void fault_words(const struct log_fault *fault, struct buf *out)
{
	buf_format(out, "%s at byte %" PRIu64 ": %s", fault->segment, fault->offset, fault->what);
	if (fault->seq_from && fault->seq_from == fault->seq_to)
		buf_format(out, "; event %" PRIu64 " is lost", fault->seq_from);
	else if (fault->seq_from)
		buf_format(out, "; events %" PRIu64 " to %" PRIu64 " are lost", fault->seq_from, fault->seq_to);
	buf_char(out, '\n');
}

static void fault_json(const struct log_fault *fault, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "segment", fault->segment);
	json_member_uint(out, "offset", fault->offset);
	json_member_uint(out, "seq_from", fault->seq_from);
	json_member_uint(out, "seq_to", fault->seq_to);
	json_member_string(out, "what", fault->what);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void on_fault(const struct log_fault *fault, void *data)
{
	struct faults_found *found = data;
	found->count++;
	(found->json ? fault_json : fault_words)(fault, &found->out);
}

static uint64_t kept_in(const struct log_stat *stat)
{
	return stat->end >= stat->begin ? stat->end - stat->begin + 1 - stat->gaps : 0;
}

static void verdict_json(const struct log_stat *stat, struct faults_found *found)
{
	struct buf *out = &found->out;
	uint64_t kept = kept_in(stat);
	json_open(out, '{');
	json_member_bool(out, "fine", found->count == 0);
	json_member_uint(out, "faults", found->count);
	json_member_uint(out, "lost", stat->damaged);
	json_member_uint(out, "events", kept > stat->damaged ? kept - stat->damaged : 0);
	json_member_uint(out, "begin", stat->begin);
	json_member_uint(out, "end", stat->end);
	json_member_string(out, "id", stat->id);
	json_close(out, '}');
	buf_char(out, '\n');
}

static void verdict_words(const struct log_stat *stat, struct faults_found *found)
{
	uint64_t kept = kept_in(stat);
	if (found->count == 0)
		buf_format(&found->out, "fine: %" PRIu64 " event%s in %" PRIu64 " segment%s\n", kept, kept == 1 ? "" : "s",
			stat->segments, stat->segments == 1 ? "" : "s");
	else
		buf_format(&found->out, "damaged: %" PRIu64 " fault%s, %" PRIu64 " of %" PRIu64 " events are lost\n",
			found->count, found->count == 1 ? "" : "s", stat->damaged, kept);
}

static int fsck(const struct command_line *line, const struct folder *folder, const char *dir)
{
	struct faults_found found = { .json = line->json };
	struct log_stat stat = { 0 };
	struct why why;
	if (!log_fsck(dir, on_fault, &found, &stat, &why)) {
		command_print(&found.out);
		return command_no(line, "%s", why.text);
	}
	(line->json ? verdict_json : verdict_words)(&stat, &found);
	return command_print(&found.out) && found.count == 0 ? EXIT_FINE : EXIT_NO;
}

static int run_fsck(const struct command_line *line)
{
	return look_into(line, fsck);
}

/* ------------------------------------------------------------------- stat */

static void stat_words(const struct log_stat *stat, const char *dir, struct buf *out)
{
	char oldest[SL_TIME_SIZE] = "";
	buf_format(out, "folder   %s\nid       %s\n", dir, *stat->id ? stat->id : "none yet");
	if (kept_in(stat))
		buf_format(out, "events   %" PRIu64 ", from %" PRIu64 " to %" PRIu64 "%s\n", kept_in(stat), stat->begin,
			stat->end, stat->gaps ? ", with a gap where it was restored" : "");
	else
		buf_string(out, "events   none\n");
	buf_format(out, "bytes    %" PRId64 " (%.1f MB) in %" PRIu64 " segment%s", stat->bytes,
		(double)stat->bytes / (1 << 20), stat->segments, stat->segments == 1 ? "" : "s");
	if (stat->limit)
		buf_format(out, ", of %" PRId64 " MB", stat->limit >> 20);
	sl_time_write(stat->oldest * 1000, oldest);
	buf_format(out, "\noldest   %s\n", stat->oldest ? oldest : "-");
}

static void stat_json(const struct log_stat *stat, const char *dir, struct buf *out)
{
	char oldest[SL_TIME_SIZE];
	sl_time_write(stat->oldest * 1000, oldest);
	json_open(out, '{');
	json_member_string(out, "folder", dir);
	json_member_string(out, "id", *stat->id ? stat->id : NULL);
	json_member_uint(out, "events", kept_in(stat));
	json_member_uint(out, "begin", stat->begin);
	json_member_uint(out, "end", stat->end);
	json_member_int(out, "bytes", stat->bytes);
	json_key(out, "limit");
	stat->limit ? json_int(out, stat->limit) : json_null(out);
	json_member_uint(out, "segments", stat->segments);
	json_member_string(out, "oldest", stat->oldest ? oldest : NULL);
	json_close(out, '}');
	buf_char(out, '\n');
}

static int tell_stat(const struct command_line *line, const struct folder *folder, const char *dir)
{
	struct log_stat stat;
	struct why why;
	struct buf out = { 0 };
	struct log_reader *reader = log_reader_open(dir, &why);
	bool told = reader && log_reader_stat(reader, &stat, &why);
	log_reader_close(&reader);
	if (!told)
		return command_no(line, "%s", why.text);
	stat.limit = folder->config ? folder->config->log.size : 0;
	(line->json ? stat_json : stat_words)(&stat, dir, &out);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static int run_stat(const struct command_line *line)
{
	return look_into(line, tell_stat);
}

/* ------------------------------------------------------------ every record */

/* A walk over the records that were asked for. */
struct walk {
	const struct command_line *line;
	int64_t from, to; /* seqs, both included */
	const char *source;
	/* False: the walk ends, why says. */
	bool (*found)(struct walk *walk, const struct log_record *record, struct why *why);
	struct buf out;     /* of `found`, for its own use */
	FILE *file;         /* that the records go to */
	const char *bodies; /* the folder of the bodies, or NULL */
	uint64_t count, lost;
};

static bool asked_for(struct walk *walk, struct why *why)
{
	walk->source = command_value(walk->line, "source");
	return command_number(walk->line, "from", 1, 0, &walk->from, why) &&
		command_number(walk->line, "to", 1, INT64_MAX, &walk->to, why) &&
		(walk->to >= walk->from || why_say(why, "--to %" PRId64 " is before --from %" PRId64, walk->to, walk->from));
}

/* Those that cannot be had are told on stderr; retention is nobody's fault, damage is. */
static void tell_lost(struct walk *walk, const struct log_slice *slice)
{
	uint64_t to = slice->damaged_to < (uint64_t)walk->to ? slice->damaged_to : (uint64_t)walk->to;
	if (slice->damaged_from) {
		command_no(walk->line, "events %" PRIu64 " to %" PRIu64 " are damaged and cannot be read; see sluice log fsck",
			slice->damaged_from, to);
		walk->lost += to - slice->damaged_from + 1;
	}
	if (slice->gone_from)
		command_no(walk->line, "events %" PRIu64 " to %" PRIu64 " are no longer kept", slice->gone_from,
			slice->gone_to);
}

static bool wanted(const struct walk *walk, const struct log_record *record)
{
	return !walk->source || sl_text_is(record->source, walk->source);
}

static bool walk_slice(struct walk *walk, const struct log_slice *slice, struct why *why)
{
	tell_lost(walk, slice);
	for (size_t i = 0; i < slice->count && slice->records[i].seq <= (uint64_t)walk->to; i++) {
		if (!wanted(walk, &slice->records[i]))
			continue;
		if (!walk->found(walk, &slice->records[i], why))
			return false;
		walk->count++;
	}
	return true;
}

/* What arrives meanwhile is not waited for: the end is where it was at first. */
static bool walk_reader(struct walk *walk, struct log_reader *reader, struct why *why)
{
	struct log_stat stat;
	struct log_slice slice;
	if (!log_reader_stat(reader, &stat, why))
		return false;
	if ((uint64_t)walk->to > stat.end)
		walk->to = (int64_t)stat.end;
	struct arena *arena = arena_new();
	uint64_t next = walk->from ? (uint64_t)walk->from : stat.begin;
	enum log_read read = LOG_READ;
	bool fine = true;
	while (fine && next <= (uint64_t)walk->to && read == LOG_READ) {
		arena_reset(arena);
		read = log_read(reader, arena, next, SLICE_MOST, SLICE_BYTES, &slice, why);
		fine = read != LOG_BROKEN && walk_slice(walk, &slice, why);
		next = slice.next;
	}
	arena_free(&arena);
	return fine;
}

static bool walk_log(struct walk *walk, const char *dir, struct why *why)
{
	struct log_reader *reader = log_reader_open(dir, why);
	bool fine = reader && walk_reader(walk, reader, why);
	log_reader_close(&reader);
	buf_free(&walk->out);
	return fine;
}

static bool write_out(struct walk *walk, struct why *why)
{
	bool wrote = fwrite(walk->out.at, 1, walk->out.len, walk->file) == walk->out.len;
	buf_clear(&walk->out);
	return wrote || why_errno(why, "cannot be written");
}

/* -------------------------------------------------------------------- cat */

static bool cat_record(struct walk *walk, const struct log_record *record, struct why *why)
{
	if (walk->line->json)
		record_json(record, NULL, &walk->out);
	else
		record_words(record, &walk->out);
	return write_out(walk, why);
}

static int cat(const struct command_line *line, const struct folder *folder, const char *dir)
{
	struct walk walk = { .line = line, .found = cat_record, .file = stdout };
	struct why why;
	if (!asked_for(&walk, &why))
		return command_wrong(line, "%s", why.text);
	bool fine = walk_log(&walk, dir, &why);
	if (fine && fflush(stdout) != 0)
		fine = why_errno(&why, "cannot be written");
	if (!fine && errno == EPIPE)
		return EXIT_NO; /* head has seen enough */
	if (!fine)
		return command_no(line, "%s", why.text);
	return walk.lost ? EXIT_NO : EXIT_FINE;
}

static int run_cat(const struct command_line *line)
{
	return look_into(line, cat);
}

/* ----------------------------------------------------------------- export */

/* The bodies beside the records are synced all at once. */
static bool close_synced(struct walk *walk, const char *path, struct why *why)
{
	int fd = fileno(walk->file);
	bool fine = fflush(walk->file) == 0 && (walk->bodies ? syncfs(fd) : fsync(fd)) == 0;
	if (!fine)
		why_errno(why, "%s: cannot be written", path);
	fclose(walk->file);
	walk->file = NULL;
	return fine;
}

static bool write_body(const struct walk *walk, const char *name, struct sl_text body, struct why *why)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", walk->bodies, name);
	FILE *file = fopen(path, "wxe");
	if (!file)
		return why_errno(why, "%s: cannot be made", path);
	bool wrote = fwrite(body.at, 1, body.len, file) == body.len;
	wrote = fclose(file) == 0 && wrote;
	return wrote || why_errno(why, "%s: cannot be written", path);
}

static bool export_record(struct walk *walk, const struct log_record *record, struct why *why)
{
	char name[32];
	snprintf(name, sizeof(name), "%012" PRIu64 ".body", record->seq);
	if (walk->bodies && !write_body(walk, name, record->body, why))
		return false;
	record_json(record, walk->bodies ? name : NULL, &walk->out);
	return write_out(walk, why);
}

/* A folder that is there already has to be empty, a file must not be there: what
 * somebody kept is not written over. */
static bool is_folder(const char *to)
{
	struct stat status;
	return to[strlen(to) - 1] == '/' || (stat(to, &status) == 0 && S_ISDIR(status.st_mode));
}

static bool open_target(struct walk *walk, const char *to, char path[PATH_MAX], struct why *why)
{
	snprintf(path, PATH_MAX, "%s", to);
	if (is_folder(to)) {
		walk->bodies = to;
		if (mkdir(to, 0700) < 0 && errno != EEXIST)
			return why_errno(why, "%s: the folder cannot be made", to);
		snprintf(path, PATH_MAX, "%s/records.jsonl", to);
	}
	walk->file = fopen(path, "wxe");
	return walk->file || why_errno(why, "%s: cannot be made", path);
}

static void tell_exported(const struct walk *walk, const char *to)
{
	struct buf out = { 0 };
	if (!walk->line->json)
		buf_format(&out, "%" PRIu64 " events are in %s\n", walk->count, to);
	else {
		json_open(&out, '{');
		json_member_string(&out, "to", to);
		json_member_uint(&out, "events", walk->count);
		json_member_uint(&out, "lost", walk->lost);
		json_close(&out, '}');
		buf_char(&out, '\n');
	}
	command_print(&out);
}

static int export_to(struct walk *walk, const char *to, const char *dir)
{
	char path[PATH_MAX];
	struct why why;
	if (!open_target(walk, to, path, &why))
		return command_no(walk->line, "%s", why.text);
	bool fine = walk_log(walk, dir, &why);
	fine = close_synced(walk, path, fine ? &why : NULL) && fine;
	if (!fine)
		return command_no(walk->line, "%s; what is in %s is not all", why.text, to);
	tell_exported(walk, to);
	return walk->lost ? EXIT_NO : EXIT_FINE;
}

static int export(const struct command_line *line, const struct folder *folder, const char *dir)
{
	struct walk walk = { .line = line, .found = export_record };
	struct why why;
	const char *to = line->arguments[0];
	if (!*to || !asked_for(&walk, &why))
		return command_wrong(line, "%s", *to ? why.text : "the name of the file or folder is empty");
	if (strcmp(to, "-") != 0)
		return export_to(&walk, to, dir);
	walk.file = stdout;
	if (!walk_log(&walk, dir, &why) || (fflush(stdout) != 0 && !why_errno(&why, "cannot be written")))
		return command_no(line, "%s", why.text);
	return walk.lost ? EXIT_NO : EXIT_FINE;
}

static int run_export(const struct command_line *line)
{
	return look_into(line, export);
}

/* ------------------------------------------------------------------ table */

static const struct command_option look_options[] = {
	FOLDER_OPTION,
	{ 0 },
};

static const struct command_option walk_options[] = {
	{ "from", 0, "SEQ", "the first event (default: the oldest that is kept)" },
	{ "to", 0, "SEQ", "the last event (default: the newest)" },
	{ "source", 's', "NAME", "only of this source" },
	FOLDER_OPTION,
	{ 0 },
};

const struct command cmd_log[] = {
	{ "log fsck", NULL, 0, 0, "read all of the log, and say what is damaged; 1 if anything is", look_options, run_fsck },
	{ "log stat", NULL, 0, 0, "say how much is in the log", look_options, run_stat },
	{ "log cat", NULL, 0, 0, "print what was received, as it was stored", walk_options, run_cat },
	{ "log export", "FILE|DIR/|-", 1, 1, "copy what was received out of the log, to the last byte", walk_options, run_export },
	{ 0 },
};
