-- What Risk decided and applied, what state trading is in, and who did what. Facts only: rows are added, never changed.

CREATE TABLE risk_journal (
    seq     bigint      PRIMARY KEY CHECK (seq > 0),
    key     text        NOT NULL UNIQUE,
    kind    text        NOT NULL,
    at      timestamptz NOT NULL,
    payload json        NOT NULL  -- json, not jsonb: what is folded again must come back in the order it was written
);

CREATE TABLE trading_states (
    seq    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state  text        NOT NULL CHECK (state IN ('ACTIVE', 'REDUCING', 'HALTED')),
    reason text        NOT NULL,
    by     text        NOT NULL,
    at     timestamptz NOT NULL,
    UNIQUE (at, state, reason, by)
);

CREATE TABLE audit_trail (
    seq     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text        NOT NULL,
    action  text        NOT NULL,
    subject text        NOT NULL DEFAULT '',
    detail  jsonb       NOT NULL DEFAULT '{}',
    UNIQUE (at, actor, action, subject)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER risk_journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON risk_journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER trading_states_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trading_states
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_trail_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
