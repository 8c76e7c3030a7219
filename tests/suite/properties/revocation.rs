//! What was revoked is dead everywhere within a second.

use chaveiro::store::{Database, DatabaseLocation};
use chaveiro::vault::operation::Action;
use diesel::connection::SimpleConnection;

use crate::support::{Background, TestApp, noticed, operator, origin, until_waited_for};

#[actix_web::test]
async fn a_change_is_noticed_within_a_second_also_when_nothing_can_be_written() {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    if !app.database.is_postgresql_or_skip() {
        return; // There the change itself would have to wait.
    }
    let (client, second) = (app.client().await, app.second_node());
    let _running = Background::run(&app.vault);
    // Somebody holds the end of this node's chain, and there is a failure to be recorded in it.
    let location = DatabaseLocation::parse(&app.database.url).unwrap();
    let mut holder = Database::connect(&location, false).unwrap().unwrap();
    let hold = "BEGIN; SELECT FROM audit_chain WHERE name LIKE 'node-1/%' FOR UPDATE";
    holder.connection().batch_execute(hold).unwrap();
    app.anonymous().get("/iso/pam/device").await.expect(401);
    until_waited_for(holder.connection()).await;

    second
        .disable_authorization(operator(&second, Action::AUTHORIZATION_DISABLE).await, &client.client_id)
        .await
        .unwrap();
    let authenticate = async || app.vault.authenticate(client.presented(), origin()).is_err();
    noticed("a disabled client", authenticate).await;
    holder.connection().batch_execute("COMMIT").unwrap();
    second.close();
}
