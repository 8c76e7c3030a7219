"""Types, providers, permission sets, roles and claims by the classes of keyfactor-command-sdk, which fetches its token itself."""

import os
import sys
from importlib import import_module

from command_v11_client import AuthenticatedClient
from command_v11_client.types import Unset

SERVER = os.environ["SERVER"]


def model(name):
    module = import_module(f"command_v11_client.models.{name}")
    wanted = name.replace("_", "").lower()
    return next(value for key, value in vars(module).items() if key.lower() == wanted)


def call(route, **arguments):
    """Calls a route; gives the status and what the library read in the answer."""
    answer = import_module(f"command_v11_client.api.{route}").sync_detailed(client=client, **arguments)
    return int(answer.status_code), answer.parsed


def done(route, status=200, **arguments):
    answered, parsed = call(route, **arguments)
    assert answered == status, (route, answered, parsed)
    assert status == 204 or parsed is not None, route
    return parsed


def connect(secret):
    idp = {"tokenURL": f"{SERVER}/oauth2/token", "clientId": os.environ["CLIENT_ID"], "clientSecret": secret}
    return AuthenticatedClient(base_url=f"{SERVER}/KeyfactorAPI", token="", idp_args=idp)


client = connect(os.environ["CLIENT_SECRET"])
web = "keyfactor_web_keyfactor_api_models"

# A type, and a provider of it.
kind = model("csscms_data_model_enums_pam_parameter_data_type")
parameter = model(f"{web}_pam_provider_type_parameter_create_request")
parameters = [
    parameter(name="Host", display_name="Host", data_type=kind.VALUE_1, instance_level=False),
    parameter(name="Token", display_name="Token", data_type=kind.VALUE_2, instance_level=False),
    parameter(name="Path", display_name="Path", data_type=kind.VALUE_1, instance_level=True),
]
sent = model(f"{web}_pam_provider_type_create_request")(name="Vault", parameters=parameters)
made = done("pam_provider.post_pam_providers_types", json_body=sent)
assert made.name == "Vault" and [one.name for one in made.parameters] == ["Host", "Token", "Path"], made
assert made.id in [one.id for one in done("pam_provider.get_pam_providers_types")]

# Of a type without parameters: the library cannot read the others, whose parameters refer back to null, as the service sends them.
sent = model(f"{web}_pam_provider_type_create_request")(name="Bare", parameters=[])
BARE = done("pam_provider.post_pam_providers_types", json_body=sent).id
provider_type = model(f"{web}_pam_provider_create_request_provider_type")(id=BARE)
sent = model(f"{web}_pam_provider_create_request")(name="first", provider_type=provider_type)
provider = done("pam_provider.post_pam_providers", json_body=sent)
assert provider.name == "first" and provider.provider_type.id == BARE, provider
read = done("pam_provider.get_pam_providers_id", id=provider.id)
assert (read.id, read.name) == (provider.id, "first"), read

changed = model(f"{web}_pam_provider_update_request_legacy")(id=provider.id, name="second", provider_type=provider_type)
assert done("pam_provider.put_pam_providers", json_body=changed).name == "second"
found = done("pam_provider.get_pam_providers", query_string='Name -eq "second"', return_limit=5)
assert [one.id for one in found] == [provider.id], found
assert done("pam_provider.get_pam_providers", query_string='Name -eq "first"') == []
assert call("pam_provider.get_pam_providers", query_string="Name -eq")[0] == 400

# Who may do what.
permission_set = model(f"{web}_permission_sets_permission_set_create_request")(name="vaults", permissions=["/pam/read/"])
made = done("permission_set.post_permission_sets", json_body=permission_set)
assert made.name == "vaults" and done("permission_set.get_permission_sets_id", id=made.id).name == "vaults"
role = model(f"{web}_security_legacy_security_roles_security_role_creation_request")(
    name="readers", description="reads", permissions=["PrivilegedAccessManagement:Read"]
)
made = done("security_roles.post_security_roles", json_body=role)
assert made.name == "readers" and made.id in [one.id for one in done("security_roles.get_security_roles")]
allowed = done("security_role_permissions.get_security_roles_id_permissions_pam_providers", id=made.id)
assert allowed == [], allowed
assert not isinstance(done("security_roles.get_security_roles_id", id=made.id).permissions, Unset)
done("security_roles.delete_security_roles_id", status=204, id=made.id)

claim = model(f"{web}_security_role_claim_definitions_role_claim_definition_creation_request")(
    claim_type=model("csscms_core_enums_claim_type").VALUE_5,
    claim_value="robot",
    provider_authentication_scheme="Okta",
    description="a robot",
)
made = done("security_claims.post_security_claims", json_body=claim)
assert (made.claim_value, made.provider.authentication_scheme) == ("robot", "Okta"), made
assert [one.id for one in done("security_claims.get_security_claims")] == [made.id]
done("security_claims.delete_security_claims_id", status=204, id=made.id)

# What is gone, and who is nobody.
done("pam_provider.delete_pam_providers_id", status=204, id=provider.id)
assert call("pam_provider.get_pam_providers_id", id=provider.id)[0] == 404
try:
    client = connect("a wrong secret")
    call("pam_provider.get_pam_providers")
    sys.exit("a wrong secret was taken")
except KeyError as missing:
    assert missing.args == ("access_token",)
print("all passed")
