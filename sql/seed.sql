-- Deterministic contents for the schema: every value is computed from the row's number, so two loads are equal.
-- 50 organizations, 500 locals, 5,000 users, 250 roles, 40 permissions, 20,000 products, 60,000 variants, 120,000 rows of
-- stock, 120,000 prices.

BEGIN;

INSERT INTO organizations (id, name, country, settings, created_at)
SELECT n,
       format('%s %s', (ARRAY['Café', 'Mercado', 'Librería', 'Farmacia', 'Ferretería'])[n % 5 + 1],
              (ARRAY['del Norte', 'del Sur', 'Central', 'La Esquina', 'Andino', 'del Puerto', 'San Martín', 'El Sol',
                     'La Luna', 'Nuevo'])[n / 5 % 10 + 1]) || ' ' || n,
       (ARRAY['AR', 'CL', 'UY', 'PE', 'MX'])[n % 5 + 1],
       jsonb_build_object('currency', (ARRAY['ARS', 'CLP', 'UYU', 'PEN', 'MXN'])[n % 5 + 1], 'decimals', 2,
                          'features', CASE WHEN n % 2 = 0 THEN '["stock", "prices"]' ELSE '["stock"]' END::jsonb),
       timestamptz '2023-01-01 00:00:00+00' + n * interval '37 hours'
FROM generate_series(1, 50) AS n;

INSERT INTO locals (id, organization_id, name, city, opens_at, closes_at, is_active)
SELECT n, (n - 1) % 50 + 1, 'Local ' || ((n - 1) / 50 + 1),
       (ARRAY['Buenos Aires', 'Córdoba', 'Rosario', 'Santiago', 'Montevideo', 'Lima', 'Puebla'])[n % 7 + 1],
       time '08:00' + (n % 4) * interval '30 minutes', time '18:00' + (n % 5) * interval '30 minutes', n % 23 <> 0
FROM generate_series(1, 500) AS n;

INSERT INTO users (id, organization_id, email, full_name, is_active, created_at)
SELECT n, (n - 1) % 50 + 1, format('user%s@org%s.example', n, (n - 1) % 50 + 1),
       (ARRAY['Ana', 'Luis', 'María', 'José', 'Sofía', 'Diego', 'Lucía', 'Pedro'])[n % 8 + 1] || ' '
           || (ARRAY['García', 'Pérez', 'Núñez', 'López', 'Díaz', 'Ibáñez', 'Soto'])[n / 8 % 7 + 1],
       n % 19 <> 0, timestamptz '2023-02-01 00:00:00+00' + n * interval '97 minutes'
FROM generate_series(1, 5000) AS n;

INSERT INTO roles (id, organization_id, name)
SELECT n, (n - 1) / 5 + 1, (ARRAY['owner', 'manager', 'cashier', 'stock keeper', 'auditor'])[(n - 1) % 5 + 1]
FROM generate_series(1, 250) AS n;

INSERT INTO permissions (id, code, description)
SELECT n, resource || '.' || action, initcap(action) || ' ' || resource
FROM (
    SELECT row_number() OVER () AS n, resource, action
    FROM unnest(ARRAY['products', 'variants', 'prices', 'stock', 'locals', 'users', 'roles', 'organizations', 'reports',
                      'settings']) AS resource,
         unnest(ARRAY['create', 'read', 'update', 'delete']) AS action
) AS pairs;

INSERT INTO role_permissions (role_id, permission_id)
SELECT r.id, p.id FROM roles AS r, permissions AS p
WHERE CASE (r.id - 1) % 5
          WHEN 0 THEN true
          WHEN 1 THEN p.id <= 24
          WHEN 2 THEN p.code IN ('products.read', 'variants.read', 'prices.read', 'stock.read', 'stock.update')
          WHEN 3 THEN p.code LIKE 'stock.%' OR p.code LIKE 'variants.%'
          ELSE p.code LIKE '%.read'
      END;

INSERT INTO user_roles (user_id, role_id)
SELECT n, ((n - 1) % 50) * 5 + CASE WHEN n <= 50 THEN 1 ELSE n / 50 % 4 + 2 END FROM generate_series(1, 5000) AS n;

INSERT INTO products (id, organization_id, sku, name, description, tags, base_price, is_active, updated_at)
SELECT n, (n - 1) % 50 + 1, 'P-' || lpad(n::text, 6, '0'),
       (ARRAY['Café', 'Té', 'Yerba', 'Azúcar', 'Harina', 'Aceite', 'Jabón', 'Cuaderno', 'Lámpara', 'Martillo'])[n % 10 + 1]
           || ' ' || (ARRAY['clásico', 'orgánico', 'familiar', 'premium', 'económico', 'grande'])[n / 10 % 6 + 1] || ' ' || n,
       repeat('Producto de uso diario, disponible en todos los locales. ', n % 3 + 1),
       ARRAY[(ARRAY['food', 'home', 'office', 'tools'])[n % 4 + 1], 'line-' || n % 20],
       (n * 7919 % 99000 + 99) / 100.0, n % 29 <> 0, timestamptz '2024-01-01 00:00:00+00' + n * interval '11 minutes'
FROM generate_series(1, 20000) AS n;

INSERT INTO variants (id, product_id, sku, name, attributes)
SELECT n, (n - 1) / 3 + 1, format('V-%s-%s', lpad(((n - 1) / 3 + 1)::text, 6, '0'), (n - 1) % 3 + 1),
       (ARRAY['small', 'medium', 'large'])[(n - 1) % 3 + 1],
       jsonb_build_object('size', (ARRAY['S', 'M', 'L'])[(n - 1) % 3 + 1], 'weight_g', 100 * ((n - 1) % 3 + 1),
                          'color', (ARRAY['red', 'green', 'blue', 'white'])[n % 4 + 1])
FROM generate_series(1, 60000) AS n;

-- Each variant lies in two of its organization's ten locals.
INSERT INTO stock (variant_id, local_id, quantity, updated_at)
SELECT v.id, p.organization_id + 50 * ((v.id + k * 3) % 10), (v.id * 31 + k * 17) % 200,
       timestamptz '2024-06-01 00:00:00+00' + v.id * interval '1 minute'
FROM variants AS v JOIN products AS p ON p.id = v.product_id, generate_series(0, 1) AS k;

INSERT INTO prices (id, variant_id, price_list, amount, currency, valid)
SELECT (v.id - 1) * 2 + k + 1, v.id, (ARRAY['retail', 'wholesale'])[k + 1],
       round(p.base_price * (1 + (v.id - 1) % 3 * 0.35) * (1 - k * 0.18), 2), o.settings ->> 'currency',
       daterange('2024-01-01', CASE WHEN v.id % 5 = 0 THEN date '2027-01-01' END)
FROM variants AS v JOIN products AS p ON p.id = v.product_id JOIN organizations AS o ON o.id = p.organization_id,
     generate_series(0, 1) AS k;

COMMIT;
ANALYZE;
