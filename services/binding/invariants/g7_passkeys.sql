-- G7: no two people, of whatever tenants, have a passkey with the same credential id. No unique
-- index may enforce this across tenants; adding one holds a lock. Returns the passkeys, of all
-- times: ten at most for each person.
SELECT p.tenant_id, p.passkey_id, p.credential_id
FROM passkeys p
JOIN (SELECT credential_id FROM passkeys GROUP BY 1 HAVING count(*) > 1) twice USING (credential_id);
