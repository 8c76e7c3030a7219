"""What a robot does with robocorp.vault. Prints "all passed", or ends in an exception."""

import os

from robocorp import vault
from robocorp.vault import RobocorpVaultError


def refused(message, call):
    try:
        call()
    except RobocorpVaultError as error:
        assert message in str(error), error
        return
    raise AssertionError(f"{message} was expected")


secret = vault.get_secret("erp")
assert (secret["username"], secret["password"]) == ("batch", "second"), list(secret)
assert (secret["hostname"], secret["address"]) == ("srv", "10.0.0.1"), dict(secret)
assert vault.get_secret("srv/corp/ana")["password"] == "ana's"
assert vault.get_secret("note")["text"] == "a text"
assert "PRIVATE KEY" in vault.get_secret("key")["private_key"]
refused("No secret with name 'nothing'", lambda: vault.get_secret("nothing"))
secret["password"] = "from a robot: \u00e9"
vault.set_secret(secret)
assert dict(vault.get_secret("erp")) == dict(secret)
made = vault.create_secret("made", {**secret, "username": "robot"})
assert vault.get_secret("made")["username"] == "robot" and made["password"] == secret["password"]
vault.set_secret(vault.SecretContainer("a-note", "", {"text": "written"}))
assert vault.get_secret("a-note")["text"] == "written"
secret.update({"colour": "blue"})
refused("400 invalid_request - Invalid parameter value: expected username", lambda: vault.set_secret(secret))
print("all passed")
