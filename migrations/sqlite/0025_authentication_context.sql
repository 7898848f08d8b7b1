-- How well the user had proved who they are (OpenID Connect Core section 2, `acr`).
ALTER TABLE grants ADD COLUMN acr TEXT;
