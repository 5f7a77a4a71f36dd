-- The paper venues' own books, as exchanges keep them: apart from what Herald believes of its orders.

CREATE TABLE paper_orders (
    opened          bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    venue           text        NOT NULL,
    client_order_id text        NOT NULL,
    is_final        boolean     NOT NULL,
    submitted_at    timestamptz NOT NULL,
    document        json        NOT NULL,  -- Order, without its fills
    PRIMARY KEY (venue, client_order_id)
);

CREATE INDEX paper_orders_open ON paper_orders (venue, submitted_at, opened) WHERE NOT is_final;

CREATE TABLE paper_fills (
    recorded        bigint  GENERATED ALWAYS AS IDENTITY UNIQUE,
    venue           text    NOT NULL,
    fill_id         text    NOT NULL,
    client_order_id text    NOT NULL,
    instrument_key  text    NOT NULL,
    side            text    NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity        numeric NOT NULL,
    document        json    NOT NULL,  -- Fill
    PRIMARY KEY (venue, fill_id),
    FOREIGN KEY (venue, client_order_id) REFERENCES paper_orders
);

CREATE INDEX paper_fills_by_order ON paper_fills (venue, client_order_id, recorded);
CREATE INDEX paper_fills_in_order ON paper_fills (venue, recorded);
