-- Bytes that the events with a place take, so that nobody has to add them up.
ALTER TABLE audit_chain ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
UPDATE audit_chain SET bytes = (
    SELECT coalesce(sum(300 + octet_length(CAST(details AS TEXT)) + octet_length(coalesce(user_agent, ''))
        + octet_length(coalesce(client_id, ''))), 0) FROM audit_events WHERE place IS NOT NULL);
