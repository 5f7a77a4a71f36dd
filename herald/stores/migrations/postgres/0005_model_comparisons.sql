-- What champion and challenger made of the same live headline.
CREATE TABLE model_comparisons (
    comparison_id text        PRIMARY KEY,
    event_id      text        NOT NULL,
    champion      text        NOT NULL,
    challenger    text        NOT NULL,
    agree         boolean     NOT NULL,
    at            timestamptz NOT NULL,
    document      jsonb       NOT NULL
);

CREATE INDEX model_comparisons_by_models ON model_comparisons (champion, challenger, at);
