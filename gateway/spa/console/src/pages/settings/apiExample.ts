/** How a program signs its requests, to be copied: the program of docs/pos.md, word by word, which the
 * tests run (tests/e2e/test_pos.py). */

const PROGRAM = String.raw`import hashlib, hmac, secrets, time, urllib.request


def get(base, key_id, secret, path, query=""):
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    ordered = "&".join(sorted(query.split("&")))
    text = "\n".join(["GET", path, ordered, stamp, nonce, key_id, hashlib.sha256(b"").hexdigest()])
    signature = hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()
    headers = {
        "X-DF-Key": key_id,
        "X-DF-Timestamp": stamp,
        "X-DF-Nonce": nonce,
        "X-DF-Signature": signature,
    }
    address = f"{base}{path}?{query}" if query else f"{base}{path}"
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers)).read()
`;

export const ORDERS = '/api/pos/v1/orders';

/** With the call at its end: this platform's address, and the values that the caller fills in. */
export const example = (base: string, keyId: string, secret: string) =>
  `${PROGRAM}\n\nprint(get("${base}", "${keyId}", "${secret}", "${ORDERS}", "page_size=20").decode())\n`;
