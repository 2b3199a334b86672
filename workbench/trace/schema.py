"""The SQLite schema of a run file (``*.mnemo``) and its version.

``MAJOR`` changes when an older program could misread a file, ``MINOR`` when it only misses something.
"""

MAJOR, MINOR = 2, 0
APPLICATION_ID = 0x4D4E454D  # "MNEM", so that `file` and SQLite tools can tell

TABLES = ("meta", "session", "lane", "blob", "text", "event", "annotation", "verdict", "story")
LATER = ("verdict", "story", "text")  # tables that files of an earlier version do not have

VERDICT = (  # what was found out about a run afterwards; files of version 1.0 get the table with their first verdict
    "CREATE TABLE IF NOT EXISTS verdict(session INTEGER NOT NULL, lane INTEGER NOT NULL, probe TEXT NOT NULL, "
    "payload TEXT NOT NULL, PRIMARY KEY(session, lane, probe)) WITHOUT ROWID"
)
STORY = (  # steps through the run, as ``workbench.trace.story`` has them; with the first one likewise
    "CREATE TABLE IF NOT EXISTS story(place INTEGER PRIMARY KEY, payload TEXT NOT NULL)"
)
STAYS = {  # a branch that is undone is the one thing that is ever taken out (TraceWriter.remove_lane)
    f"{table}_stays": f"CREATE TRIGGER {table}_stays BEFORE DELETE ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table}s cannot be deleted'); END"
    for table in ("event", "blob", "text")
}
SCHEMA = f"""
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE session(id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, turns INTEGER NOT NULL,
                     probes INTEGER NOT NULL, payload TEXT NOT NULL);
CREATE TABLE lane(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, memory TEXT NOT NULL, cache TEXT NOT NULL,
                  params TEXT NOT NULL, parent INTEGER REFERENCES lane(id), parent_turn INTEGER);
CREATE TABLE blob(hash TEXT PRIMARY KEY, dtype TEXT NOT NULL, shape TEXT NOT NULL, codec TEXT NOT NULL,
                  data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE text(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, lane INTEGER NOT NULL,
                   turn INTEGER NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
                   cause INTEGER NOT NULL, ms REAL NOT NULL, payload TEXT NOT NULL, UNIQUE(session, lane, n));
CREATE INDEX event_by_turn ON event(session, lane, turn, seq);
CREATE INDEX event_by_kind ON event(kind, session, lane, seq);
CREATE INDEX event_by_subject ON event(session, lane, subject, seq);
CREATE TABLE annotation(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL,
                        created TEXT NOT NULL);
{VERDICT};
{STORY};
CREATE TRIGGER event_is_final BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events cannot be changed'); END;
{STAYS["event_stays"]};
CREATE TRIGGER session_is_final BEFORE UPDATE ON session BEGIN SELECT RAISE(ABORT, 'sessions cannot be changed'); END;
CREATE TRIGGER session_stays BEFORE DELETE ON session BEGIN SELECT RAISE(ABORT, 'sessions cannot be deleted'); END;
CREATE TRIGGER blob_is_final BEFORE UPDATE ON blob BEGIN SELECT RAISE(ABORT, 'blobs cannot be changed'); END;
{STAYS["blob_stays"]};
CREATE TRIGGER text_is_final BEFORE UPDATE ON text BEGIN SELECT RAISE(ABORT, 'texts cannot be changed'); END;
{STAYS["text_stays"]};
"""
