-- What calls of a platform cost, in thousandths of a US dollar, for platforms that charge. A job of an action takes the dearest
-- of its charges from the budgets (limits of the action `spend`) when it is claimed, and what its calls did cost when it ends.
CREATE TABLE crier.platform_price (
    platform text    NOT NULL CHECK (char_length(platform) BETWEEN 1 AND 60),
    action   text    NOT NULL CHECK (char_length(action) BETWEEN 1 AND 64),
    -- what is charged for, as the platform's client in crierd calls it
    charge   text    NOT NULL CHECK (char_length(charge) BETWEEN 1 AND 64),
    price    integer NOT NULL CHECK (price BETWEEN 1 AND 65535),
    PRIMARY KEY (platform, action, charge)
);
INSERT INTO crier.platform_price (platform, action, charge, price)
VALUES ('x', 'publish', 'post', 15), ('x', 'publish', 'post_with_link', 200), ('x', 'publish', 'own_post_read', 1),
       ('x', 'comment', 'post', 15), ('x', 'comment', 'post_with_link', 200), ('x', 'comment', 'own_post_read', 1),
       ('x', 'dm', 'dm', 15), ('x', 'read', 'own_post_read', 1);
ALTER TABLE crier.platform_price ENABLE ROW LEVEL SECURITY;
