/* SPDX-License-Identifier: Apache-2.0 */
/* restored.c - a source's file that comes out of a backup gets another name for itself. */
#include "flow/restored.h"

#include <sqlite3.h>
#include <stddef.h>

bool restored_source(const char *path, struct why *why)
{
	static const char sql[] = "DELETE FROM setting WHERE name = 'id'";
	sqlite3 *db = NULL;
	int got = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	if (got == SQLITE_OK)
		got = sqlite3_exec(db, sql, NULL, NULL, NULL);
	bool fine = got == SQLITE_OK || got == SQLITE_CORRUPT || got == SQLITE_NOTADB; /* it is put aside, and begun anew */
	if (!fine)
		why_say(why, "%s: %s", path, sqlite3_errmsg(db));
	sqlite3_close(db);
	return fine;
}
