-- Forms that count once and were answered, so that who sends one again is led where the first led.
CREATE TABLE answered_forms (
    form_hash BLOB PRIMARY KEY,
    answer TEXT NOT NULL,
    answered_at TEXT NOT NULL
) STRICT;

CREATE INDEX answered_forms_by_date ON answered_forms (answered_at);
