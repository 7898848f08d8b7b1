-- The clients of codes are those of their grants: one index and one check less for each code.
-- In the order of those who write, so that none of them waits for this one while it waits for them.
LOCK TABLE clients, codes IN ACCESS EXCLUSIVE MODE;
ALTER TABLE codes DROP CONSTRAINT codes_client_id_fkey;
DROP INDEX codes_by_client;
