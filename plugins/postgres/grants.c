/* SPDX-License-Identifier: Apache-2.0 */
/* grants.c - who may do what with a table or view that is made anew. */
#include "plan.h"

/* The owner last: after that the others' rights would be its to give. */
static const char grants_sql[] =
	"WITH it AS (SELECT c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name"
	" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" WHERE n.nspname = $1 AND c.relname = $2), rights AS ("
	"SELECT name, relowner, a.grantee, a.privilege_type AS may, a.is_grantable"
	" FROM it CROSS JOIN LATERAL pg_catalog.aclexplode(relacl) AS a"
	" UNION ALL SELECT name, relowner, a.grantee, pg_catalog.format('%s (%I)', a.privilege_type, t.attname), "
	"a.is_grantable FROM it JOIN pg_catalog.pg_attribute AS t ON t.attrelid = it.oid AND t.attnum > 0 AND NOT "
	"t.attisdropped CROSS JOIN LATERAL pg_catalog.aclexplode(t.attacl) AS a)"
	" SELECT pg_catalog.format('GRANT %s ON %s TO %s%s', may, name,"
	" CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END,"
	" CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) AS sql, 1 AS place FROM rights WHERE grantee <> relowner"
	" UNION ALL SELECT pg_catalog.format('ALTER TABLE %s OWNER TO %I', name, pg_catalog.pg_get_userbyid(relowner)), 2"
	" FROM it WHERE pg_catalog.pg_get_userbyid(relowner) <> current_user ORDER BY place, sql";

bool grants_read(struct job *job, const char *name, struct line **grants)
{
	const char *const values[] = { job->sink->options->namespace, name };
	const PGresult *result = base_ask(job, grants_sql, values, 2);
	struct line **last = grants;
	*last = NULL;
	for (int row = 0; result && row < PQntuples(result); row++) {
		struct line *line = *last = sl_pile_take(&job->brief->pile, sizeof(*line));
		line->sql = sl_pile_string(&job->brief->pile, PQgetvalue(result, row, 0));
		last = &line->next;
	}
	return result != NULL;
}

bool grants_give(struct job *job, const struct line *grants)
{
	for (; grants; grants = grants->next)
		if (!base_run(job, grants->sql))
			return false;
	return true;
}
