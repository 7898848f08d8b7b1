-- On PostgreSQL the column gets the collation that SQLite's lower() has anyway: of ASCII letters.
SELECT 1;
