-- Disabled because the configuration has it no more: putting it back enables it, and nothing else does.
ALTER TABLE clients ADD COLUMN left_out BOOLEAN NOT NULL DEFAULT FALSE;
