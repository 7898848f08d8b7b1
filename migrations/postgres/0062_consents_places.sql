-- Where the client returned to when it was allowed; of older consents nobody knows, so people are asked once more.
ALTER TABLE consents ADD COLUMN places JSONB NOT NULL DEFAULT '[]';
