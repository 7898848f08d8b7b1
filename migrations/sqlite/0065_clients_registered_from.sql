-- Whose unused registrations yield when there are too many: the source as limits see it, of IPv6 a /64.
ALTER TABLE clients ADD COLUMN registered_from TEXT;
