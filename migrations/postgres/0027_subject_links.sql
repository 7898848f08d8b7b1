-- Who somebody of a trusted issuer is here. An account is one subject of an issuer (and tenant), never two: an address
-- or a name that was given to somebody else does not bring the account with it.
CREATE TABLE subject_links (
    issuer TEXT NOT NULL,
    -- Empty if the issuer has no tenants.
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, tenant, subject),
    UNIQUE (user_id, issuer, tenant)
);

CREATE INDEX users_by_email ON users (lower(email));
