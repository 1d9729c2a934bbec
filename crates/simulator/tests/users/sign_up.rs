//! SignUp and AdminConfirmSignUp (facts C.2).

use serde_json::{Value, json};

use crate::support::{Fixture, PASSWORD, attribute_list};

fn request(client: &str, username: &str, attributes: &[(&str, &str)]) -> Value {
    json!({"ClientId": client, "Username": username, "Password": PASSWORD, "UserAttributes": attribute_list(attributes)})
}

#[test]
fn a_sign_up_is_unsigned_finds_its_pool_by_the_client_and_makes_an_unconfirmed_user() {
    let fixture = Fixture::new(json!({}));
    let answer = fixture.ok(
        "SignUp",
        request("client", "ada", &[("email", "ada@example.com")]),
    );
    assert_eq!(answer["UserConfirmed"], false);
    let user = fixture.user("ada");
    assert_eq!(user["UserStatus"], "UNCONFIRMED");
    // No auto-verified attribute, no mail: how a restore makes UNCONFIRMED users in silence.
    assert_eq!(fixture.simulator.evidence().messages_sent, 0);
    fixture.refuses(
        "SignUp",
        request("unknown", "grace", &[]),
        "ResourceNotFoundException",
        "User pool client unknown does not exist.",
    );
    fixture.refuses(
        "SignUp",
        request("client", "ada", &[]),
        "UsernameExistsException",
        "User already exists",
    );
}

#[test]
fn a_pool_with_auto_verified_attributes_sends_a_code() {
    let fixture = Fixture::new(json!({"AutoVerifiedAttributes": ["email"]}));
    let answer = fixture.ok(
        "SignUp",
        request("client", "ada", &[("email", "ada@example.com")]),
    );
    assert_eq!(answer["CodeDeliveryDetails"]["DeliveryMedium"], "EMAIL");
    assert_eq!(fixture.simulator.evidence().messages_sent, 1);
}

#[test]
fn a_pool_for_administrators_alone_refuses_sign_ups() {
    let fixture =
        Fixture::new(json!({"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true}}));
    fixture.refuses(
        "SignUp",
        request("client", "ada", &[]),
        "NotAuthorizedException",
        "SignUp is not permitted for this user pool",
    );
}

#[test]
fn users_write_what_their_client_may_write_and_never_the_verified_flags() {
    let fixture = Fixture::with(
        simulator::Config::default(),
        json!({"Clients": [
            {"UserPoolClient": {"ClientId": "narrow", "WriteAttributes": ["email"]}},
            {"UserPoolClient": {"ClientId": "wide"}},
        ]}),
    );
    let unauthorized = "A client attempted to write unauthorized attribute";
    fixture.refuses(
        "SignUp",
        request("narrow", "ada", &[("name", "Ada")]),
        "NotAuthorizedException",
        unauthorized,
    );
    let verified = [("email", "a@example.com"), ("email_verified", "true")];
    fixture.refuses(
        "SignUp",
        request("wide", "ada", &verified),
        "NotAuthorizedException",
        unauthorized,
    );
    fixture.ok(
        "SignUp",
        request("narrow", "ada", &[("email", "a@example.com")]),
    );
    fixture.ok("SignUp", request("wide", "grace", &[("name", "Grace")]));
}

#[test]
fn a_client_with_a_secret_wants_the_right_hash() {
    let fixture = Fixture::with(
        simulator::Config::default(),
        json!({"Clients": [{"UserPoolClient": {"ClientId": "secretive", "ClientSecret": "0123456789abcdefghijklmnop"}}]}),
    );
    assert_eq!(
        fixture
            .refused("SignUp", request("secretive", "ada", &[]))
            .code,
        "NotAuthorizedException"
    );
    let mut wrong = request("secretive", "ada", &[]);
    wrong["SecretHash"] = json!("bm90IHRoZSBoYXNo");
    assert_eq!(
        fixture.refused("SignUp", wrong.clone()).message,
        "Unable to verify secret hash for client secretive"
    );
    // HMAC-SHA256 of "ada" + "secretive" under the secret, from OpenSSL.
    wrong["SecretHash"] = json!("Dljw+EMzQ0J0mlbc/H/DY4EWDWhc4jxxTqFJ4XMNByA=");
    fixture.ok("SignUp", wrong);
}

#[test]
fn a_sign_up_needs_a_password_and_all_required_attributes() {
    let fixture = Fixture::new(json!({
        "SchemaAttributes": [{"Name": "email", "AttributeDataType": "String", "Mutable": true, "Required": true}],
    }));
    assert_eq!(
        fixture
            .refused("SignUp", request("client", "ada", &[]))
            .code,
        "InvalidParameterException"
    );
    let mut weak = request("client", "ada", &[("email", "a@example.com")]);
    weak["Password"] = json!("weak");
    assert_eq!(
        fixture.refused("SignUp", weak.clone()).code,
        "InvalidPasswordException"
    );
    weak["Password"] = json!(null);
    assert_eq!(
        fixture.refused("SignUp", weak).code,
        "InvalidParameterException"
    );
    fixture.ok(
        "SignUp",
        request("client", "ada", &[("email", "a@example.com")]),
    );
}

#[test]
fn only_an_unconfirmed_user_can_be_confirmed() {
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:f";
    let fixture = Fixture::new(json!({"LambdaConfig": {"PostConfirmation": arn}}));
    fixture.create("made", &[]);
    let confirm = |username: &str| json!({"Username": username});
    fixture.refuses(
        "AdminConfirmSignUp",
        confirm("made"),
        "NotAuthorizedException",
        "User cannot be confirmed. Current status is FORCE_CHANGE_PASSWORD",
    );
    fixture.ok("SignUp", request("client", "self", &[]));
    fixture.ok("AdminConfirmSignUp", confirm("self"));
    assert_eq!(fixture.user("self")["UserStatus"], "CONFIRMED");
    assert_eq!(
        fixture.simulator.evidence().trigger_invocations["PostConfirmation"],
        1
    );
    fixture.refuses(
        "AdminConfirmSignUp",
        confirm("self"),
        "NotAuthorizedException",
        "User cannot be confirmed. Current status is CONFIRMED",
    );
}
