"""What AWX and the OpenBao broker of NetBox do for one secret. Prints "all passed", or ends in an exception."""

import os

from awx_plugins.credentials import hashivault
from broker.config import BrokerConfig
from broker.vault import VaultClient, VaultNotFound

URL, ROLE_ID, SECRET_ID = os.environ["VAULT_ADDR"], os.environ["ROLE_ID"], os.environ["SECRET_ID"]


def awx(**parameters):
    return hashivault.kv_backend(
        **{
            "url": URL,
            "api_version": "v2",
            "secret_backend": "secret",
            "secret_path": "erp",
            "secret_key": "password",
            "role_id": ROLE_ID,
            "secret_id": SECRET_ID,
            "default_auth_path": "approle",
            **parameters,
        }
    )


# Each logs in, reads, and revokes its token.
assert awx() == "second"
assert awx(secret_version="1") == "first"
assert awx(secret_backend=None, secret_path="/secret/erp") == "second"
assert awx(secret_path="srv/corp/ana") == "ana's"
assert awx(secret_key="username") == "batch"

os.environ["BROKER_BAO_ROLE_ID"], os.environ["BROKER_BAO_SECRET_ID"] = ROLE_ID, SECRET_ID
settings = {"openbao_url": URL, "kv_mount": "secret", "namespace": None, "auth_method": "approle"}
settings |= {"env_prefix": "BROKER_BAO", "tls_verify": True, "ca_cert_path": None}
fields = BrokerConfig.__dataclass_fields__
broker = VaultClient(BrokerConfig(**{name: settings.get(name) for name in fields}))
assert broker.read("erp")["password"] == "second"
try:
    broker.read("nothing")
except VaultNotFound:
    pass
else:
    raise AssertionError("VaultNotFound was expected")
print("all passed")
