-- Who bought what: small, made up, and the same for everybody.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    country TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL,
    price REAL NOT NULL,
    stock INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    product_id INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL,
    status TEXT NOT NULL,
    ordered_at TEXT NOT NULL
);
CREATE INDEX orders_user ON orders (user_id);
INSERT INTO users (id, name, email, country, created_at) VALUES
    (1, 'Ada Novak', 'ada@mail.example', 'CZ', '2025-01-07'),
    (2, 'Ben Okoro', 'ben@mail.example', 'NG', '2025-01-19'),
    (3, 'Chen Li', 'chen@mail.example', 'CN', '2025-02-02'),
    (4, 'Dana Weiss', 'dana@mail.example', 'DE', '2025-02-28'),
    (5, 'Emil Sand', 'emil@mail.example', 'NO', '2025-03-14'),
    (6, 'Fatima Haddad', 'fatima@mail.example', 'MA', '2025-04-01'),
    (7, 'Grace Kim', 'grace@mail.example', 'KR', '2025-04-22'),
    (8, 'Hugo Silva', 'hugo@mail.example', 'BR', '2025-05-05');
INSERT INTO products (id, name, category, price, stock) VALUES
    (1, 'Desk lamp', 'home', 39.5, 120),
    (2, 'Notebook', 'office', 4.25, 900),
    (3, 'Fountain pen', 'office', 28.0, 75),
    (4, 'Tea pot', 'kitchen', 24.9, 60),
    (5, 'Water bottle', 'outdoor', 15.0, 310),
    (6, 'Backpack', 'outdoor', 79.0, 42);
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 48)
INSERT INTO orders (id, user_id, product_id, quantity, status, ordered_at)
    SELECT n, n * 5 % 8 + 1, n * 7 % 6 + 1, n * 3 % 4 + 1,
        CASE n % 5 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'open' ELSE 'delivered' END,
        date('2025-06-01', '+' || (n * 3) || ' days')
    FROM numbers;
