//! The tables, as diesel sees them on both engines. `migrations/` holds the truth.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! { vault_meta (name) { name -> Text, value -> Binary, } }
table! { change_mark (id) { id -> Integer, revision -> BigInt, } }
table! {
    data_key (id) {
        id -> Integer,
        purpose -> Text,
        state -> Text,
        wrapped -> Binary,
        created_at -> BigInt,
        retired_at -> Nullable<BigInt>,
        resealed -> BigInt,
    }
}
table! {
    signing_key (id) {
        id -> Integer,
        kid -> Text,
        public_key -> Binary,
        state -> Text,
        created_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}
table! { transit_key (id) { id -> Integer, created_at -> BigInt, } }
table! {
    secret (kind, owner_id, version) {
        kind -> Text,
        owner_id -> Integer,
        version -> Integer,
        state -> Text,
        data_key_id -> Integer,
        created_at -> BigInt,
        sealed -> Binary,
    }
}
table! {
    secret_head (kind, owner_id) {
        kind -> Text,
        owner_id -> Integer,
        highest_version -> Integer,
        current_version -> Nullable<Integer>,
        current_changed_at -> BigInt,
        mac -> Binary,
    }
}
table! {
    job (id) {
        id -> Integer,
        kind -> Text,
        key -> Text,
        object_id -> Nullable<Integer>,
        state -> Text,
        due_at -> BigInt,
        lease_until -> Nullable<BigInt>,
        fence -> BigInt,
        attempts -> Integer,
        max_attempts -> Integer,
        last_error -> Nullable<Text>,
        requested_by -> Text,
        created_at -> BigInt,
    }
}
table! { application (id) { id -> Integer, name -> Text, active -> Bool, created_at -> BigInt, } }
table! {
    authorization (id) {
        id -> Integer,
        application_id -> Integer,
        client_id -> Text,
        access -> Text,
        resources -> Text,
        allowed_ips -> Text,
        expires_at -> Nullable<BigInt>,
        active -> Bool,
        created_at -> BigInt,
        referers -> Text,
        certificates -> Text,
        sender_constraint -> Nullable<Text>,
    }
}
table! {
    client_key (authorization_id, thumbprint) {
        authorization_id -> Integer,
        thumbprint -> Text,
        name -> Text,
        jwk -> Text,
        created_at -> BigInt,
    }
}
table! {
    client_secret (id) {
        id -> Integer,
        authorization_id -> Integer,
        hash -> Binary,
        expires_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}
table! {
    response_key (authorization_id) {
        authorization_id -> Integer,
        form -> Text,
        public_key -> Text,
        created_at -> BigInt,
    }
}
table! {
    authorization_link (authorization_id, object_kind, object_id) {
        authorization_id -> Integer,
        object_kind -> Text,
        object_id -> Integer,
    }
}
table! {
    tagging (object_kind, object_id, tag_id) {
        object_kind -> Text,
        object_id -> Integer,
        tag_id -> Integer,
    }
}
table! {
    static_token (id) {
        id -> Text,
        authorization_id -> Integer,
        name -> Text,
        hash -> Binary,
        expires_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}
table! {
    trusted_issuer (id) {
        id -> Integer,
        name -> Text,
        issuer -> Text,
        audience -> Text,
        jwks_url -> Nullable<Text>,
        jwks -> Nullable<Text>,
        ca_pem -> Nullable<Text>,
        allow_private -> Bool,
        reusable_tokens -> Bool,
        active -> Bool,
        created_at -> BigInt,
    }
}
table! {
    issuer_rule (id) {
        id -> Integer,
        trusted_issuer_id -> Integer,
        authorization_id -> Integer,
        name -> Text,
        claims -> Text,
        created_at -> BigInt,
    }
}
table! {
    login_attempt (digest) {
        digest -> Binary,
        failures -> Integer,
        counted_at -> BigInt,
        expires_at -> BigInt,
        is_known -> Bool,
        changed_at -> BigInt,
        account -> Nullable<Binary>,
    }
}
table! { single_use (digest) { digest -> Binary, expires_at -> BigInt, } }
table! {
    request_signing_key (id) {
        id -> Integer,
        token -> Text,
        authorization_id -> Integer,
        name -> Text,
        expires_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}
table! { revoked_token (jti) { jti -> Text, expires_at -> BigInt, mark -> BigInt, } }
table! {
    domain (id) {
        id -> Integer,
        name -> Text,
        name_key -> Text,
        short_name -> Nullable<Text>,
        short_name_key -> Nullable<Text>,
    }
}
table! { lookup (id) { id -> Integer, kind -> Text, name -> Text, name_key -> Text, } }
table! {
    device (id) {
        id -> Integer,
        hostname -> Text,
        hostname_key -> Text,
        ip -> Text,
        ip_key -> Text,
        kind -> Text,
        vendor -> Text,
        model -> Text,
        site -> Text,
        domains -> Text,
        tags -> Text,
        connectivities -> Text,
        session_remote_config -> Text,
        active -> Bool,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}
table! {
    credential (id) {
        id -> Integer,
        kind -> Text,
        device_id -> Integer,
        username -> Text,
        identifier -> Nullable<Text>,
        credential_type -> Text,
        additional -> Text,
        tags -> Text,
        domain -> Text,
        parent_id -> Nullable<Integer>,
        session_settings -> Nullable<Text>,
        additional_settings -> Nullable<Text>,
        active -> Bool,
        created_at -> BigInt,
        changed_at -> BigInt,
        viewed_at -> Nullable<BigInt>,
        exclusive_custody -> Nullable<Bool>,
    }
}
table! {
    rotation_policy (credential_id) {
        credential_id -> Integer,
        automatic_change -> Bool,
        agent_based -> Bool,
        plugin -> Nullable<Text>,
        template -> Nullable<Text>,
        use_own_credential -> Bool,
        authentication_id -> Nullable<Integer>,
        reconcile -> Bool,
        reconciliation_id -> Nullable<Integer>,
        reconciliation_plugin -> Nullable<Text>,
        reconciliation_template -> Nullable<Text>,
        granted_place -> Nullable<Text>,
    }
}
table! {
    rotation_record (credential_id) {
        credential_id -> Integer,
        revision -> BigInt,
        phase -> Text,
        cause -> Nullable<Text>,
        attempts -> Integer,
        checks -> Integer,
        rejections -> Integer,
        sends -> Integer,
        in_doubt -> Bool,
        due_at -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        waiting_releases -> Integer,
        waiting_cause -> Nullable<Text>,
        changed_at -> Nullable<BigInt>,
        is_behind -> Bool,
        former_version -> Nullable<Integer>,
        former_passphrase_version -> Nullable<Integer>,
    }
}
table! {
    rotation_event (credential_id, revision) {
        credential_id -> Integer,
        revision -> BigInt,
        at -> BigInt,
        event -> Text,
        problem -> Nullable<Text>,
    }
}
table! {
    jit_account (credential_id) {
        credential_id -> Integer,
        state -> Text,
        mode -> Text,
        plugin -> Text,
        device_id -> Integer,
        username -> Text,
        host -> Text,
        port -> Nullable<Integer>,
        options -> Text,
        identity -> Nullable<Text>,
        operator_id -> Integer,
        mark -> Text,
        attempts -> Integer,
        problem -> Nullable<Text>,
        changed_at -> BigInt,
    }
}
table! {
    target_identity (device_id, service) {
        device_id -> Integer,
        service -> Text,
        identity -> Text,
        pinned_at -> BigInt,
    }
}
table! {
    change_template (id) {
        id -> Integer,
        executor -> Text,
        name -> Text,
        name_key -> Text,
        source -> Text,
        mac -> Binary,
        updated_at -> BigInt,
    }
}
table! {
    jit_policy (credential_id) {
        credential_id -> Integer,
        enabled -> Bool,
        create_and_delete -> Bool,
        enable_and_disable -> Bool,
        use_own_credential -> Bool,
        authentication_id -> Nullable<Integer>,
        creation_plugin -> Nullable<Text>,
        creation_template -> Nullable<Text>,
        deletion_plugin -> Nullable<Text>,
        deletion_template -> Nullable<Text>,
        enable_plugin -> Nullable<Text>,
        enable_template -> Nullable<Text>,
        disable_plugin -> Nullable<Text>,
        disable_template -> Nullable<Text>,
        granted_place -> Nullable<Text>,
    }
}
table! {
    custody (credential_id, authorization_id) {
        credential_id -> Integer,
        authorization_id -> Integer,
        since -> BigInt,
        until -> Nullable<BigInt>,
    }
}
table! {
    information (id) {
        id -> Integer,
        identifier -> Nullable<Text>,
        name -> Text,
        kind -> Text,
        service -> Text,
        url -> Text,
        users_allowed -> Text,
        active -> Bool,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}
table! {
    application_secret (id) {
        id -> Integer,
        authorization_id -> Integer,
        identity -> Text,
        name -> Text,
        description -> Text,
        expiration_date -> Text,
        engine -> Text,
        size -> Integer,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}
table! {
    registration (authorization_id) {
        authorization_id -> Integer,
        registered_by -> Integer,
        system -> Text,
        environment -> Text,
        unique_key -> Nullable<Text>,
        description -> Nullable<Text>,
        tags -> Text,
    }
}
table! { ssh_key (credential_id) { credential_id -> Integer, key_name -> Text, public_key -> Text, } }
table! {
    ssh_key_device (credential_id, device_id) { credential_id -> Integer, device_id -> Integer, }
}
table! { platform_user (id) { id -> Integer, name -> Text, created_at -> BigInt, } }
table! {
    proxy_session (id) {
        id -> Integer,
        session_id -> Text,
        token_hash -> Binary,
        authorization_id -> Integer,
        credential_id -> Integer,
        remote_device_id -> Nullable<Integer>,
        user_name -> Text,
        username -> Text,
        host -> Text,
        port -> Integer,
        protocol -> Text,
        remote_app -> Nullable<Integer>,
        screen_size -> Text,
        bound_to -> Nullable<Text>,
        started_at -> BigInt,
        url_expires_at -> BigInt,
        opened_from -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
    }
}
table! {
    idempotency (authorization_id, key_mac) {
        authorization_id -> Integer,
        key_mac -> Binary,
        request_mac -> Binary,
        result -> Text,
        data_key_id -> Nullable<Integer>,
        created_at -> BigInt,
    }
}
table! {
    provider_type (id) { id -> Text, name -> Text, name_key -> Text, built_in -> Bool, created_at -> BigInt, }
}
table! {
    provider_type_parameter (id) {
        id -> Integer,
        type_id -> Text,
        name -> Text,
        name_key -> Text,
        display_name -> Nullable<Text>,
        data_type -> Integer,
        instance_level -> Bool,
    }
}
table! {
    provider (id) {
        id -> Integer,
        name -> Text,
        name_key -> Text,
        type_id -> Text,
        area -> Integer,
        secured_area_id -> Nullable<Integer>,
        remote -> Bool,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}
table! {
    provider_value (id) {
        id -> Integer,
        provider_id -> Integer,
        parameter_id -> Integer,
        value -> Nullable<Text>,
        instance_id -> Nullable<Integer>,
        instance_guid -> Nullable<Text>,
    }
}
table! {
    provider_entry (id) {
        id -> Integer,
        provider_id -> Integer,
        name -> Text,
        name_key -> Text,
        description -> Nullable<Text>,
        description_key -> Nullable<Text>,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}
table! { permission_set (id) { id -> Text, name -> Text, name_key -> Text, permissions -> Text, } }
table! {
    role (id) {
        id -> Integer,
        name -> Text,
        name_key -> Text,
        description -> Text,
        email_address -> Nullable<Text>,
        immutable -> Bool,
        permission_set_id -> Text,
        permissions -> Text,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}
table! { authorization_role (authorization_id, role_id) { authorization_id -> Integer, role_id -> Integer, } }
table! {
    identity (id) {
        id -> Integer,
        account_name -> Text,
        account_key -> Text,
        identity_type -> Text,
        password -> Nullable<Text>,
        mac -> Binary,
        created_at -> BigInt,
    }
}
table! { identity_role (identity_id, role_id) { identity_id -> Integer, role_id -> Integer, } }
table! {
    security_claim (id) {
        id -> Integer,
        claim_type -> Integer,
        claim_value -> Text,
        value_key -> Text,
        scheme -> Text,
        scheme_key -> Text,
        description -> Text,
        created_at -> BigInt,
    }
}
table! { security_claim_role (claim_id, role_id) { claim_id -> Integer, role_id -> Integer, } }
table! { audit_checkpoint (chain) { chain -> Text, seq -> BigInt, record_mac -> Binary, mac -> Binary, } }
table! { audit_chain (name) { name -> Text, last_seq -> BigInt, last_mac -> Binary, } }
table! {
    audit_record (chain, seq) {
        chain -> Text,
        seq -> BigInt,
        at -> BigInt,
        request_id -> Text,
        actor -> Text,
        source -> Text,
        family -> Text,
        action -> Text,
        object -> Text,
        outcome -> Text,
        reason -> Text,
        times -> Integer,
        previous -> Binary,
        mac -> Binary,
    }
}

joinable!(provider -> provider_type (type_id));
joinable!(identity_role -> identity (identity_id));
joinable!(identity_role -> role (role_id));
joinable!(security_claim_role -> security_claim (claim_id));
joinable!(security_claim_role -> role (role_id));
joinable!(credential -> device (device_id));
joinable!(rotation_policy -> credential (credential_id));
joinable!(jit_policy -> credential (credential_id));
joinable!(ssh_key_device -> device (device_id));
joinable!(authorization -> application (application_id));
joinable!(registration -> authorization (authorization_id));
joinable!(proxy_session -> credential (credential_id));
joinable!(proxy_session -> authorization (authorization_id));
allow_tables_to_appear_in_same_query!(
    ssh_key_device,
    credential,
    rotation_policy,
    rotation_record,
    jit_policy,
    device,
    information,
    authorization_link,
    tagging,
    lookup,
    application,
    authorization,
    custody,
    proxy_session,
    registration,
    ssh_key,
    secret,
    secret_head
);
allow_tables_to_appear_in_same_query!(provider, provider_type);
allow_tables_to_appear_in_same_query!(provider_value, provider_type_parameter);
allow_tables_to_appear_in_same_query!(identity_role, role, identity);
allow_tables_to_appear_in_same_query!(security_claim_role, security_claim, role);
allow_tables_to_appear_in_same_query!(authorization, security_claim);
allow_tables_to_appear_in_same_query!(authorization, security_claim_role);
