-- What is asked in bulk: signals, executions, quotes, and where the time went. A message that is written again replaces
-- itself when parts are merged; queries read FINAL where that matters.

CREATE TABLE IF NOT EXISTS signals (
    at             DateTime64(6, 'UTC'),
    event_id       String,
    story_id       String,
    revision       UInt16,
    source         LowCardinality(String),
    event_type     LowCardinality(String),
    direction      LowCardinality(String),
    primary_entity LowCardinality(String),
    model          LowCardinality(String),
    severity       Float32,
    confidence     Float32,
    tradable       Bool,
    headline       String
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (event_type, at, event_id, revision);

CREATE TABLE IF NOT EXISTS executions (
    at              DateTime64(6, 'UTC'),
    execution_id    String,
    client_order_id String,
    trade_id        String,
    event_id        String,
    story_id        String,
    event_type      LowCardinality(String),
    playbook        LowCardinality(String),
    leg             LowCardinality(String),
    venue           LowCardinality(String),
    instrument_key  LowCardinality(String),
    side            LowCardinality(String),
    status          LowCardinality(String),
    reason          LowCardinality(String),
    quantity        Float64,
    filled_quantity Float64,
    average_price   Nullable(Float64),
    arrival_mid     Float64,
    slippage_bps    Nullable(Float64),
    latency_ms      Nullable(Float64),
    new_quantity     Float64 COMMENT 'of the fills that are new in this report; signed, a buy is positive',
    new_notional_usd Float64 COMMENT 'of the same fills; signed, a buy is positive',
    new_fees_usd     Float64
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (event_type, at, execution_id);

CREATE TABLE IF NOT EXISTS quotes (
    instrument_key LowCardinality(String),
    at             DateTime64(6, 'UTC'),
    bid            Float64,
    ask            Float64,
    bid_size       Float64,
    ask_size       Float64
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (instrument_key, at);

CREATE TABLE IF NOT EXISTS stage_latency (
    stage LowCardinality(String),
    at    DateTime64(6, 'UTC'),
    key   String COMMENT 'the message whose stamps were read',
    ms    Float64
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (stage, at, key);
