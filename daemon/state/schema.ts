/**
 * The tables of the state database, and how older forms of them become the present one.
 *
 * Rows of stages and positions of sources are texts (JSON) whose form is their owner's: a stage reads its own older forms. So the schema changes
 * only with the tables themselves.
 */

/** `PRAGMA application_id`: says that a SQLite file is ours. 'LEWs' in ASCII. */
export const APPLICATION_ID = 0x4c455773;

/** Brings a database from the version of its index to the next one. Never changed once released; only added to. */
const MIGRATIONS: readonly string[] = [
  // 0 → 1: a new database.
  `CREATE TABLE position (source TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE kept (stage TEXT, key TEXT, text TEXT NOT NULL, PRIMARY KEY (stage, key)) STRICT, WITHOUT ROWID;
   CREATE TABLE committed (one INTEGER PRIMARY KEY CHECK (one = 1), time_ms REAL NOT NULL, version TEXT NOT NULL) STRICT;`,
];

/** `PRAGMA user_version` of this program's databases. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The statements from `version` to SCHEMA_VERSION, in order. */
export function migrationsFrom(version: number): readonly string[] {
  return MIGRATIONS.slice(version);
}
