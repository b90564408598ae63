"""The statements of the floor, one for each route, written by hand.

Each has one more post than a page: so whether there is another page needs no count.
"""

from bench.scenarios import PAGE_SIZE

SETTINGS = (
    "-c plan_cache_mode=force_generic_plan -c max_parallel_workers_per_gather=0 -c jit=off"
    " -c enable_bitmapscan=off"
)

# Its own table: the row without a name counts all posts.
PREPARE = """
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.counts AS
    SELECT name, count(*) AS count FROM post_hashtags GROUP BY name
    UNION ALL SELECT '', count(*) FROM posts WHERE deleted_at IS NULL;
ALTER TABLE floor.counts ADD PRIMARY KEY (name);
CREATE INDEX ON floor.counts (count DESC, name);
ANALYZE floor.counts;
"""

HOLDS_STILL = """
SELECT u.username FROM users u JOIN sessions s ON s.user_id = u.id
WHERE u.id = %s AND u.generation = %s AND u.deleted_at IS NULL
  AND s.id = %s AND s.revoked_at IS NULL
"""
HOLDS_FOR_WRITE = HOLDS_STILL + " FOR KEY SHARE OF u"

_POST = """p.id, p.owner_id, (SELECT username FROM users WHERE users.id = p.owner_id),
p.text, p.tags, p.edited_at"""
ALL = f"""
SELECT (SELECT count FROM floor.counts WHERE name = ''), {_POST} FROM posts p
WHERE p.deleted_at IS NULL AND p.id < %s ORDER BY p.id DESC LIMIT {PAGE_SIZE + 1}
"""
OF_HASHTAG = f"""
SELECT (SELECT count FROM floor.counts WHERE name = %s), {_POST} FROM
    (SELECT post_id FROM post_hashtags WHERE name = %s AND post_id < %s
     ORDER BY post_id DESC LIMIT {PAGE_SIZE + 1}) h
JOIN posts p ON p.id = h.post_id ORDER BY p.id DESC
"""
OF_USER = f"""
SELECT (SELECT count(*) FROM posts WHERE owner_id = %s AND deleted_at IS NULL), {_POST}
FROM posts p WHERE p.owner_id = %s AND p.deleted_at IS NULL AND p.id < %s
ORDER BY p.id DESC LIMIT {PAGE_SIZE + 1}
"""
OF_FAVORITES = f"""
SELECT (SELECT string_agg(name, ' ') FROM favorites WHERE user_id = %s), {_POST} FROM
    (SELECT DISTINCT post_id FROM favorites f CROSS JOIN LATERAL
        (SELECT post_id FROM post_hashtags WHERE name = f.name
         ORDER BY post_id DESC LIMIT {PAGE_SIZE + 1}) newest
     WHERE user_id = %s ORDER BY post_id DESC LIMIT {PAGE_SIZE + 1}) h
JOIN posts p ON p.id = h.post_id ORDER BY p.id DESC
"""
POPULAR = "SELECT name, count FROM floor.counts WHERE name > '' ORDER BY count DESC, name LIMIT 5"
NTH_OF_ALL = "SELECT id FROM posts WHERE deleted_at IS NULL ORDER BY id DESC OFFSET %s LIMIT 1"
NTH_OF_HASHTAG = (
    "SELECT post_id FROM post_hashtags WHERE name = %s ORDER BY post_id DESC OFFSET %s LIMIT 1"
)
CREATE = """
WITH post AS (
    INSERT INTO posts (id, owner_id, text, tags) VALUES (%s, %s, %s, %s) RETURNING id
)
INSERT INTO post_hashtags (name, post_id) SELECT name, id FROM post, unnest(%s::text[]) AS name
"""
LOG_IN = "SELECT id, username, password_hash, generation FROM users WHERE username_key = %s"
BEGIN_SESSION = """
WITH session AS (
    INSERT INTO sessions (id, user_id, current, expires_at, generation)
    VALUES (%s, %s, %s, %s, %s) RETURNING id, current
)
INSERT INTO session_tokens (token_hash, session_id) SELECT current, id FROM session
"""
