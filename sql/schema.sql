-- A small retail domain: organizations with their locals (shops), users with roles and permissions, and a catalogue of
-- products, their variants, stock and prices.

CREATE TABLE organizations (
    id         bigint PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    country    char(2) NOT NULL,
    settings   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL
);

CREATE TABLE locals (
    id              bigint PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name            text NOT NULL,
    city            text NOT NULL,
    opens_at        time NOT NULL,
    closes_at       time NOT NULL,
    is_active       boolean NOT NULL DEFAULT true,
    UNIQUE (organization_id, name)
);

CREATE TABLE users (
    id              bigint PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    email           text NOT NULL UNIQUE,
    full_name       text NOT NULL,
    is_active       boolean NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL
);
CREATE INDEX users_organization_id ON users (organization_id);

CREATE TABLE roles (
    id              bigint PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name            text NOT NULL,
    UNIQUE (organization_id, name)
);

CREATE TABLE permissions (
    id          bigint PRIMARY KEY,
    code        text NOT NULL UNIQUE,
    description text NOT NULL
);

CREATE TABLE role_permissions (
    role_id       bigint NOT NULL REFERENCES roles ON DELETE CASCADE,
    permission_id bigint NOT NULL REFERENCES permissions ON DELETE CASCADE,
    PRIMARY KEY (role_id, permission_id)
);
CREATE INDEX role_permissions_permission_id ON role_permissions (permission_id);

CREATE TABLE user_roles (
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    role_id bigint NOT NULL REFERENCES roles ON DELETE CASCADE,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role_id ON user_roles (role_id);

CREATE TABLE products (
    id              bigint PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    sku             text NOT NULL,
    name            text NOT NULL,
    description     text NOT NULL,
    tags            text[] NOT NULL DEFAULT '{}',
    base_price      numeric(12, 2) NOT NULL CHECK (base_price >= 0),
    is_active       boolean NOT NULL DEFAULT true,
    updated_at      timestamptz NOT NULL,
    UNIQUE (organization_id, sku)
);

CREATE TABLE variants (
    id         bigint PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    sku        text NOT NULL UNIQUE,
    name       text NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX variants_product_id ON variants (product_id);

CREATE TABLE stock (
    variant_id bigint NOT NULL REFERENCES variants ON DELETE CASCADE,
    local_id   bigint NOT NULL REFERENCES locals ON DELETE CASCADE,
    quantity   integer NOT NULL CHECK (quantity >= 0),
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (variant_id, local_id)
);
CREATE INDEX stock_local_id ON stock (local_id);

CREATE TABLE prices (
    id         bigint PRIMARY KEY,
    variant_id bigint NOT NULL REFERENCES variants ON DELETE CASCADE,
    price_list text NOT NULL,
    amount     numeric(12, 2) NOT NULL CHECK (amount >= 0),
    currency   char(3) NOT NULL,
    valid      daterange NOT NULL,
    UNIQUE (variant_id, price_list)
);
