-- The routers' record of orders, and the outbox of reports. No foreign keys: reports may be written by a ledger that
-- reads the bus before, or on another database than, the router that knows the order.

CREATE TABLE orders (
    client_order_id text        PRIMARY KEY,
    trade_id        text        NOT NULL,
    event_id        text        NOT NULL,
    story_id        text        NOT NULL,
    venue           text        NOT NULL,
    instrument_key  text        NOT NULL,
    leg             text        NOT NULL,
    side            text        NOT NULL CHECK (side IN ('BUY', 'SELL')),
    status          text        NOT NULL,
    is_final        boolean     NOT NULL,
    quantity        numeric     NOT NULL CHECK (quantity >= 0),
    filled_quantity numeric     NOT NULL CHECK (filled_quantity >= 0),
    sequence        integer     NOT NULL,  -- of the last report; -1 before the first
    updated_at      timestamptz NOT NULL,
    approved        json        NOT NULL,  -- ApprovedOrder
    document        json                   -- Order as the venue last gave it
);

CREATE INDEX orders_in_flight ON orders (venue, updated_at) WHERE NOT is_final;
CREATE INDEX orders_by_trade ON orders (trade_id);
CREATE INDEX orders_by_story ON orders (story_id);

CREATE TABLE executions (
    recorded        bigint      GENERATED ALWAYS AS IDENTITY,
    execution_id    text        PRIMARY KEY,
    client_order_id text        NOT NULL,
    sequence        integer     NOT NULL,
    trade_id        text        NOT NULL,
    event_id        text        NOT NULL,
    story_id        text        NOT NULL,
    venue           text        NOT NULL,
    instrument_key  text        NOT NULL,
    event_type      text        NOT NULL,
    playbook        text        NOT NULL,
    leg             text        NOT NULL,
    status          text        NOT NULL,
    at              timestamptz NOT NULL,
    published       boolean     NOT NULL DEFAULT false,
    document        json        NOT NULL   -- Execution
);

CREATE UNIQUE INDEX executions_by_order ON executions (client_order_id, sequence);
CREATE INDEX executions_outbox ON executions (recorded) WHERE NOT published;
CREATE INDEX executions_by_trade ON executions (trade_id, recorded);
CREATE INDEX executions_by_story ON executions (story_id);
CREATE INDEX executions_by_time ON executions (at);

CREATE TABLE fills (
    venue           text        NOT NULL,
    fill_id         text        NOT NULL,
    client_order_id text        NOT NULL,
    execution_id    text        NOT NULL,
    trade_id        text        NOT NULL,
    instrument_key  text        NOT NULL,
    leg             text        NOT NULL,
    side            text        NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity        numeric     NOT NULL CHECK (quantity > 0),
    price           numeric     NOT NULL CHECK (price > 0),
    fee_usd         numeric     NOT NULL,
    liquidity       text        NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (venue, fill_id)
);

CREATE INDEX fills_by_trade ON fills (trade_id, instrument_key);
CREATE INDEX fills_by_order ON fills (client_order_id);
CREATE INDEX fills_by_time ON fills (at);
