-- Eight digits from a running number that do not reveal how many came before: a keyed Feistel
-- network over two halves of four digits. Every round can be inverted, so it is a bijection on
-- 0..99999999 for any key. The migration makes the key once per installation. tests/unit/order has
-- an independent implementation.

DROP FUNCTION IF EXISTS order_digits(bigint, bigint);
CREATE FUNCTION order_digits(n bigint, key bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  l bigint := n / 10000 % 10000;
  r bigint := n % 10000;
  part bigint;
  mixed bigint;
BEGIN
  FOR round IN 0..3 LOOP
    part := (key >> (15 * round)) % 2147483647;
    -- Squared twice modulo a prime: after a multiplication alone, neighbouring numbers would have
    -- few different distances.
    mixed := (r * 48271 + part) % 2147483647;
    mixed := (mixed * mixed % 2147483647 + part) % 2147483647;
    mixed := (l + mixed * mixed % 2147483647 / 7) % 10000;
    l := r;
    r := mixed;
  END LOOP;
  RETURN lpad((l * 10000 + r)::text, 8, '0');
END $$;

-- The next order number: a letter, the day, and digits that reveal no count.
DROP FUNCTION IF EXISTS next_order_no(text, text);
CREATE FUNCTION next_order_no(letter text, day text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN letter || day || order_digits(nextval('order_numbers'), order_number_key());
END $$;
