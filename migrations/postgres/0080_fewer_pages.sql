-- The clients of codes are those of their grants: one index and one check less for each code.
ALTER TABLE codes DROP CONSTRAINT codes_client_id_fkey;
DROP INDEX codes_by_client;
