-- What became of every headline: documents as they were on the bus, with the columns that people ask by.

CREATE TABLE items (
    item_id  text        PRIMARY KEY,  -- one for each delivery: the same words from two sources are two items
    event_id text        NOT NULL,
    story_id text        NOT NULL,
    source   text        NOT NULL,
    fate     text        NOT NULL,
    reason   text        NOT NULL,
    at       timestamptz NOT NULL,
    document jsonb       NOT NULL  -- ItemFate
);

CREATE INDEX items_by_event ON items (event_id);
CREATE INDEX items_by_time ON items (at);
CREATE INDEX items_by_fate ON items (fate, reason);
CREATE INDEX items_by_story ON items (story_id);

CREATE TABLE signals (
    event_id       text        NOT NULL,
    revision       integer     NOT NULL,
    story_id       text        NOT NULL,
    event_type     text        NOT NULL,
    primary_entity text        NOT NULL,
    severity       real        NOT NULL,
    at             timestamptz NOT NULL,
    document       jsonb       NOT NULL,  -- Signal
    PRIMARY KEY (event_id, revision)
);

CREATE INDEX signals_by_story ON signals (story_id);
CREATE INDEX signals_by_time ON signals (at);
CREATE INDEX signals_by_entity ON signals (primary_entity, at);

CREATE TABLE decisions (
    decision_id text        PRIMARY KEY,
    decision    text        NOT NULL CHECK (decision IN ('approved', 'refused', 'passed')),
    event_id    text        NOT NULL,
    story_id    text        NOT NULL,
    event_type  text        NOT NULL,
    playbook    text        NOT NULL,
    reason      text        NOT NULL,
    at          timestamptz NOT NULL,
    document    jsonb       NOT NULL  -- ApprovedOrder, RefusedOrder or Passed
);

CREATE INDEX decisions_by_time ON decisions (at);
CREATE INDEX decisions_by_story ON decisions (story_id);
CREATE INDEX decisions_by_event ON decisions (event_id);

CREATE TABLE dead_letters (
    dead_letter_id text        PRIMARY KEY,
    origin         text        NOT NULL,
    reason         text        NOT NULL,
    detail         text        NOT NULL,
    attempts       integer     NOT NULL,
    at             timestamptz NOT NULL,
    payload        bytea       NOT NULL  -- as it came, whatever it was
);

CREATE INDEX dead_letters_by_time ON dead_letters (at);

CREATE TABLE source_states (
    source   text        PRIMARY KEY,
    saved_at timestamptz NOT NULL,
    snapshot json        NOT NULL
);

-- A position is what the fills of one trade in one instrument come to; nothing is booked twice.
CREATE VIEW positions AS
WITH legs AS (
    SELECT trade_id, instrument_key, min(venue) AS venue,
           min(side) FILTER (WHERE leg <> 'EXIT')                              AS side,
           coalesce(sum(quantity) FILTER (WHERE leg <> 'EXIT'), 0)             AS entry_quantity,
           coalesce(sum(quantity) FILTER (WHERE leg = 'EXIT'), 0)              AS exit_quantity,
           coalesce(sum(quantity * price) FILTER (WHERE leg <> 'EXIT'), 0)     AS entry_notional_usd,
           coalesce(sum(quantity * price) FILTER (WHERE leg = 'EXIT'), 0)      AS exit_notional_usd,
           sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END)          AS net_quantity,
           sum(fee_usd)                                                        AS fees_usd,
           min(at)                                                             AS opened_at,
           max(at)                                                             AS last_fill_at
    FROM fills GROUP BY trade_id, instrument_key
)
SELECT trade_id, instrument_key, venue, side, entry_quantity, exit_quantity, net_quantity, fees_usd, opened_at,
       entry_notional_usd / nullif(entry_quantity, 0) AS entry_price,
       exit_notional_usd / nullif(exit_quantity, 0)   AS exit_price,
       CASE WHEN net_quantity = 0 THEN last_fill_at END AS closed_at,
       CASE WHEN entry_quantity > 0 AND exit_quantity > 0
            THEN (exit_notional_usd - exit_quantity * entry_notional_usd / entry_quantity)
                 * CASE side WHEN 'BUY' THEN 1 ELSE -1 END
            ELSE 0 END AS gross_pnl_usd
FROM legs;

-- A trade is its positions, with the news that caused it.
CREATE VIEW trades AS
SELECT p.trade_id, e.event_id, e.story_id, e.event_type, e.playbook, e.venue, e.instrument_key,
       min(p.side) FILTER (WHERE p.instrument_key = e.instrument_key) AS side,
       min(p.opened_at) AS opened_at,
       CASE WHEN bool_and(p.net_quantity = 0) THEN max(p.closed_at) END AS closed_at,
       sum(p.gross_pnl_usd) AS gross_pnl_usd, sum(p.fees_usd) AS fees_usd,
       sum(p.gross_pnl_usd) - sum(p.fees_usd) AS net_pnl_usd
FROM positions p
CROSS JOIN LATERAL (
    SELECT event_id, story_id, event_type, playbook, venue, instrument_key
    FROM executions WHERE trade_id = p.trade_id AND leg <> 'EXIT' ORDER BY leg, recorded LIMIT 1
) e
GROUP BY p.trade_id, e.event_id, e.story_id, e.event_type, e.playbook, e.venue, e.instrument_key;
