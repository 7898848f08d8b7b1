-- Forms that count once and were answered, so that who sends one again is led where the first led.
CREATE TABLE answered_forms (
    form_hash BYTEA PRIMARY KEY,
    answer JSONB NOT NULL,
    answered_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX answered_forms_by_date ON answered_forms (answered_at);
