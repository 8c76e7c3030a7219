// What a program does with node-vault. Prints "all passed", or ends in an exception.

const assert = require("node:assert");
const vault = require("node-vault");

async function refused(status, call) {
  await assert.rejects(call, (error) => error.response.statusCode === status);
}

async function main() {
  const client = vault({ apiVersion: "v1", endpoint: process.env.VAULT_ADDR });
  const login = { role_id: process.env.ROLE_ID, secret_id: process.env.SECRET_ID };
  const said = await client.approleLogin(login);
  assert.strictEqual(client.token, said.auth.client_token);
  assert.strictEqual((await client.read("secret/data/erp")).data.data.password, "second");
  assert.strictEqual((await client.read("secret/data/srv/corp/ana")).data.data.password, "ana's");
  assert.deepStrictEqual((await client.list("secret/metadata")).data.keys, ["erp", "key", "note", "srv/"]);
  assert.deepStrictEqual((await client.list("secret/metadata/srv/corp")).data.keys, ["ana"]);
  assert.strictEqual((await client.tokenLookupSelf()).data.meta.role_name, process.env.ROLE_ID);
  assert.strictEqual((await client.health()).sealed, false);
  assert.strictEqual((await client.mounts()).data["secret/"].options.version, "2");
  await refused(404, () => client.read("secret/data/nothing"));
  await refused(405, () => client.write("secret/data/erp", { data: { password: "x" } }));
  await refused(400, () => client.tokenRenewSelf());
  await refused(400, () => vault({ endpoint: process.env.VAULT_ADDR }).approleLogin({ ...login, secret_id: "wrong" }));
  await client.tokenRevokeSelf();
  await refused(403, () => client.read("secret/data/erp"));
  console.log("all passed");
}

main();
