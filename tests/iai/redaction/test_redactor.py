"""Secrets of every kind are replaced, equal ones alike; all other text stays as it is."""

from unittest.mock import Mock

import pytest
from harness.planted import KINDS, Planted, planted
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.redaction import marks, redactor
from iai.redaction.finding import BY_LIBRARY, Finding
from iai.redaction.redactor import Redactor
from iai.redaction.user_rules import parse_setting

KEY = b"a key"
redact = Redactor(KEY).text

ORDINARY = (
    "the password is wrong, please reset it",
    "def token(self, key: str, secret: bytes | None = None) -> Token: ...",
    "password = getpass.getpass('Password: ')",
    "DB_PASSWORD=$DB_PASSWORD docker compose up",
    'api_key: "<your-api-key>"  # from https://example.org/keys',
    "token = os.environ['GITHUB_TOKEN']",
    "max_tokens=4096, token_count: 12, tokens: 2,200",
    "--- PASS: TestE2E_CheckpointMetadata (14.22s)",
    "commit 4be19d2f0b1c3a5d7e9f00112233445566778899",
    "session 0c8e9b3c-5f0e-4f6a-9d34-0242ac120002 of user@example.org",
    "https://example.org:8080/path@2x.png?key=value&page=2",
    "ssh://git@github.com/owner/repository.git",
    "the secret to good tests: state a fact",
    "Authorization: Bearer <token>; basic authentication is off",
    'if key == "enter" and cookie: return secret_name',
    "sk-learn-contrib and hf_transfer are packages",
    "credentials: include",
    "-----BEGIN CERTIFICATE-----",
    "mock.patch.object(pwd, 'getpwnam', side_effect=KeyError)",
    "password (required): at least 12 characters",
    "expect(form.password).toBe('required')",
    "interface Login { user: string; password?: string }",
    "| password | string | the new password |",
    "unzip -p archive.zip member.txt | head",
    "use the secret manager as the password store",
    "password for deploy@example.org: ",
    "the key of the map is createdAtMilliseconds",
    "token = 9f8e7d6c5b4a.min.js",  # the name of a file, which is no path
    "at verifyPassword (/app/node_modules/passport/lib/auth.js:650:13)",
    ".special-token:empty::before{color:red}",
    'PASSWD = getpass.getpass("IMAP password for %s: " % user)',
    "DB_PASSWORD=${DB_PASSWORD:?missing}",
    "password: !vault |",
    "INSERT INTO users (name, password) VALUES (?, ?)",
    "user, password, role\nare, the-columns, here",
    "Пароль: обязательно",
    "Пароль обязателен и должен содержать восемь символов.",
    "A senha é obrigatória e precisa ter oito caracteres.",
    "パスワードは8文字以上にしてください",
    "비밀번호는 8자 이상이어야 합니다",
    "La palabra clave: rendimiento",
    "AUTH required",
    "curl -b cookies.txt -c cookies.txt https://example.org",
    "log in with admin / viewer to see it",
    "it asks for the password, type carefully",
    "the pin for the connector is on the left",
    "  pass: every_test_in_the_suite\n",
    "kinit me <<< $PASSWORD",
    'send "hello\\r"',
    "bw unlock --check",
    "vault login -method=oidc",
    "qpdf --encrypt $USER_PW $OWNER_PW 256 -- in.pdf out.pdf",
    "login: admin / viewer / editor",
    "it is the password that they forgot; what2do is the password for",
    "the tokens: [first, second_one] and tokens:\n  - id_of_this\n  - name",
    "der Schlüssel: getUserName, la clé : rendement, la clave secreta es el trabajo",
    "the recovery codes are in the safe; backup codes: see-below",
    "the mnemonic for that is an easy one to keep in mind when you are in a hurry to do it",
    "aWRlbnRpZmllcnMgYW5kIG5hbWVz | base64 -d",
    "Enter the password:\nit is checked",
    "renderPass: colour0, the license key is ABCD",
    "kind: Secret is one of the kinds; its data: is in Base64",
    "COMPASS=north1 BYPASS=cache2 make",
    "the token for the next page: see below",
    "git rev-parse feature/token\n4be19d2f0b1c3a5d7e9f00112233445566778899",
    "kubectl get secrets\nNAME-OF-IT",
    "cat secrets.yaml\napiVersion:",
    "echo $TOKEN_COUNT\n12345678",
    "jq .tokens usage.json\n48213377",
    "cat ~/.ssh/deploy_key.pub\nAAAAC3NzaC1lZDI1NTE5AAAAIF3h",
    "$ cat token_test.go\npackage_main2\n",
    "vault kv get -field=password kv/db1",
    "read the secret again:\n4be19d2f0b1c3a5d",
    "password for the admin: ask Kim",
    "const cookie = 'theme=dark'",
    "db.connect('localhost', 'app', callback)",
    "promo?code=SUMMER&state=1",
    r"C:\new\table\nfp_readme and 50%20off",
    "aWRlbnRpZmllcnNhbmRuYW1lcw== is a text in Base64",
    "Credentials(\n  access_key,\n  token,\n  method=self.METHOD,\n  account_id=account_id,\n)",
    "arn:aws:secretsmanager:us-west-2:123456789012:secret:MyTestSecret-a1b2c3",
    '"encryptionKey": "arn:aws:kms:us-west-2:123456789012:alias/aws/s3"',
    "inspection_data_key=InspectionDataKey.RESULT",
    '"user_password",\n            "server_hostname2"',
    "_public_key: X25519PublicKey",
    "KEYPASSWD: Final = 10026",
    'b"sk-ecdsa-sha2-nistp256@openssh.com"',
    "SubagentTokens      *TokenUsage // of all of them",
    'Tokens *messageTokens `json:"tokens"`',
    "TLS-PSK negotiation is PSK-based now, see PSK (pre-shared key) support",
    "the detection of resumption and of PSK usernames.",
    "GnomeKeyringNetworkPasswordData *password_data;",
    '"OLDPWD": "/home/user/project/src",',
    "'grp', 'pwd', 'symlink_exception', 'NUL'",
    "(None, 'joe', 'password', 'proxy.example.com')",
    "rename --http-passwd to --proxy-passwd",
    "strlen_pass::get_len_or_size, token::delimiter",
    "%sudo ALL=(root) NOPASSWD: /bin/systemctl restart it",
    "printf(&quot;Password is correct.&quot;);",
    "number of the token (CVE-2019-13117)",
    "with the password from the vault to the admin",
    "is it a token? configuration_value_1 is none",
    'client("my-service-name-production-1")',
    "use the_first_one_of_2 as the key",
    "curl -s https://example.org/token\nServer-version-2",
    "credentials('me', 'them')",
    "new tokens:\n   - **Resource owner**: you",
    "the messages (tokens: input=150, output=75)",
    '{"author": {"id": "MDQ6VXNlcjY1MjM0MTI="}}',  # a node of GitHub
    "t.credentials=`include`:e.crossOrigin===`anonymous`",
    '"minipass": "^7.1.2", "fs-minipass": "~3.0.3",',
    'console.log(ok ? "PASS" : "FAIL")',
    "my $token = $parser->get_token; secret = $insta::secret",
    "private_key: Ed25519PrivateKey | MLKEM768X25519PrivateKey,",
    "PLAIN_PASSWORD: SocketOption = SocketOption.PLAIN_PASSWORD",
    'password = await read.password("Password:", creds.password)',
    '{"password": "string?", "credentials": "boolean?"}',
    '"username= message= password= scmVersion="',
    "sort by key is stable and key: value pairs stay",
    "the token you need is the next one; the key for the map is user_id_2",
    "sudo -u deploy pytest -p no:cacheprovider",
    "docker run -u node -p 127.0.0.1:8080:80 image",
    "python -u manage.py runserver -p 8000",
    "login with email/password or github/google",
    "Files: profiles/usr.lib.dovecot.imap-login profiles/usr.lib.dovecot.pop3-login",
    "the password for the admin: ask Kim",
    "echo done > secrets/README; echo $TOKEN > token.txt",
    'read -r name < <(echo "Names,$properties")',
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBGAoEk4BEADG6NQ0Ex5gy0OlnGlFZsTp\n",
    "sqlplus / as sysdba",
    "パスワードは必須です、8文字以上",
    "de parola veniamo, la parola: amore",
    "check_password_strength('weak', 3)",
    "NAME      TOKEN COUNT\nci        12 of them\n",
    "<pass>every</pass>test_of_it_1",
    "a@example.org:backup1.tar and git@example.org:team/repository.git",
)


def left(secret: Planted, text: str) -> list[str]:
    return [part for part in secret.fragments if part in text]


@given(st.integers(0, 1 << 30))
@settings(max_examples=20, deadline=None)
def test_a_secret_of_any_kind_in_any_surroundings_is_replaced(seed: int) -> None:
    for secret in planted(4 * len(KINDS), seed):
        redacted = redact(secret.text)
        assert left(secret, redacted) == [], secret.kind
        assert marks.kinds(redacted).total() == 1, redacted
        assert redact(redacted) is redacted


@given(st.integers(0, 1 << 30), st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=30, deadline=None)
def test_redacting_twice_changes_nothing_more(seed: int, before: str, after: str) -> None:
    for secret in planted(len(KINDS), seed)[:: 5 + seed % 5]:
        redacted = redact(f"{before} {secret.text} {after} {secret.text}")
        assert redact(redacted) is redacted


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_text_stays_the_same_object(text: str) -> None:
    assert redact(text) is text


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    redacted = redact(text)
    assert redact(redacted) is redacted


_NAMES = st.sampled_from(
    ("password: ", "API_KEY=", "token = '", "secret is ", "--password ", "|pwd|")
)
_VALUES = st.text("aB3.-_/\\:,|~=$()'\n é", min_size=4, max_size=40)  # of names, paths, numbers


@given(_NAMES, _VALUES, _VALUES)
def test_no_value_beside_a_name_is_too_strange(name: str, value: str, more: str) -> None:
    redacted = redact(f"{name}{value}\n{name}{more}")
    assert redact(redacted) is redacted


@pytest.mark.timeout(30)  # where the time grew with the square, each would take minutes
@pytest.mark.parametrize(
    "piece",
    ["password=", "token: '", "://", "://a:", "-----BEGIN RSA PRIV" + "ATE KEY-----\n", "curl -u ",
     "eyJ", "eyJaaaaaaaaaaaaaaaaaaaa.", "machine a login b ", "<private>", "a" * 99 + " ", "=",
     "[redacted: jwt #0000]", "authorization: bearer ", "\u0130secret ", "\n \t", "passphrase = '",
     "password,", "|password|\n", "(password) values (", "('a',", 'variable "pw" {', '"kty"',
     "recovery codes: ", "recovery codes: ab-1cde\n", "$2a$", "$argon2id$", "tokens: [", "'a',",
     "$ANSIBLE_VAULT;1.1;AES256\n ab", "tokens:\n  - ", " is the ", "digest ", "response=",
     "mnemonic ", "seed phrase abc ", "cGFzc3dvcmQ9RHJhZ29uXzc3MzF4 ", "password:\n\n", "\n - a",
     "a:b@tcp(", "kind: Secret\ndata:\n a: b\n", "\x1b[0m", "\\n", "%3D", "pass for a: ", "bindpw ",
     "http ", "net use ", "\tTRUE\t", "AUTH ", "send '", "sqlplus a/", "%3A%2F%2F",
     "X-a-b-", "x-a-b-key: ", "cookie: a=b; ", "a=0123456789abcdef; ", "sed s/", "sed s/key",
     "define('auth_key', '", "jwt.sign(a, ", '"password": {"a": 1, ', "token: a {", "-oauth",
     "kind: Secret\ndata:\n a: |\n  b\n", "kind: Secret\ndata:\n\n", "cat key && ", "grep key | ",
     "key1 FULL ", '"username": "a", "key"', "oathtool ", "accounts: [", "login ", '"a" -> ',
     "sk-proj-a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6\n", "_pat=", "bundle_a", "with password ",
     "net use \\\\",
     "bearer\\\n", "use a as ", "token? ", "auth: '", "credentials('a', ", "form-data; name=",
     "-creds ", "> a.token\n", "curl token\n", "token\n-----\n", "password from ", "login=a:",
     '"jwt":{', "sha256~", "acl setuser ", '"name":"sid", ', "begin openvpn static key v1-----\n",
     "key_a: Some(", "&quot;", "input_value='", "/t/", "token-abcde:", "creds for a -> ",
     "echo a | ", "password&quot;:&quot;",
     " -u a -p ", " -u a:", "login a/", "key is ", "token for a ", "the key: ", 'default = "a" ',
     "sensitive = true ", "password_hash(", "password_a('a', ", "impacket-", "impacket- a/a:",
     "echo a > ", "<(echo a", "parola: ", "password for a ", "password a='b' ", "patch secret ",
     "isql a ", "bw login a ", "connect to a user b ", "password = a or ", "bcrypt('", "bcrypt.a",
     "password = kR3tQ9xxV7mZ kR3tQ9xxV7mZ ", "passwords: a / ", "creds are a and ",
     '"redis-cli", "-a", ', "operator unseal -", "totp secret ", 'value("aaaaaaaaaaaaaaaa", ',
     "a    password\n", "a@b.c:", "assert('a', ", "hmac(a, ", "curl -x a:", "tokens = {'a': ",
     "enable secret ", "username a secret ", "a password a password ", "password(a, ", "--user=a:",
     "cat key\nabcd1234\n", "$ echo $TOKEN\n", "$ op get ", "a/b " * 20 + "\n", "openssl rand\n"],
)  # fmt: skip
def test_the_time_is_linear_in_the_length_of_hostile_text(piece: str) -> None:
    redact(piece * (150_000 // len(piece)))


def test_a_long_text_is_searched_by_pieces_and_its_marks_are_those_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = planted(4 * len(KINDS), 6)
    text = "\n\n".join(f"{one.text}\n{'It said so. ' * 20}" for one in secrets)
    monkeypatch.setattr(redactor, "_PIECE", len(text))
    whole = Redactor(KEY)
    monkeypatch.setattr(whole, "goes_on", heard_of_whole := Mock())
    marked = whole.text(text)
    monkeypatch.setattr(redactor, "_PIECE", 3_777)
    by_pieces = Redactor(KEY)
    monkeypatch.setattr(by_pieces, "goes_on", heard := Mock())
    assert by_pieces.text(text) == marked
    assert [one.kind for one in secrets if left(one, marked)] == []
    assert heard.call_count >= heard_of_whole.call_count + len(text) // 3_777


def test_equal_secrets_of_a_store_have_equal_marks_and_those_of_another_store_others() -> None:
    (one, other) = planted(len(KINDS) + 1, 1)[:: len(KINDS)]
    texts = [redact(f"see {secret.secret}") for secret in (one, one, other)]
    assert texts[0] == texts[1] != texts[2]
    assert Redactor(b"another key").text(f"see {one.secret}") != texts[0]


def test_a_secret_has_one_mark_wherever_it_is_found() -> None:
    token = next(secret.secret for secret in planted(3, 5) if secret.kind == "github")
    (mark,) = {redact(text)[text.index(token) :][:30] for text in (token, f"TOKEN={token}")}
    assert mark.startswith("[redacted: github-token #")


@pytest.mark.parametrize("cut", [slice(0, 200), slice(80, None), slice(130, 400)])
def test_a_key_that_is_cut_off_is_replaced_as_far_as_a_mark_of_it_is_there(cut: slice) -> None:
    (secret,) = (one for one in planted(len(KINDS), 3) if one.kind == "rsa key")
    part = secret.secret[cut]
    redacted = redact(f"$ cat key.pem\n{part}")
    whole = [line for line in part.splitlines() if line in secret.fragments]
    assert [line for line in whole if line in redacted] == ([] if "-----" in part else whole)


def test_a_secret_that_is_said_again_is_replaced_there_too() -> None:
    value = "kR3tQ9xxV7mZ"
    redacted = redact(f"curl -u me:{value} it\n./try {value}, not {value}4; the word is 'me'")
    assert marks.kinds(redacted) == {"password": 2}
    assert redacted.endswith(f", not {value}4; the word is 'me'")
    assert redact("password: 'winter'; in winter") == redact("password: 'winter'") + "; in winter"


def test_text_beside_a_key_stays() -> None:
    (secret,) = (one for one in planted(len(KINDS), 3) if one.kind == "ssh key")
    redacted = redact(f"This is it:\n{secret.secret}\nIt has no passphrase yet.")
    assert redacted.startswith("This is it:\n[redacted: private-key #")
    assert redacted.endswith("]\nIt has no passphrase yet.")


@pytest.mark.parametrize(
    ("before", "after"),
    [("\x1b[1;33m", "\x1b[0m"), (r"\u001b[33m", r"\u001b[0m"), (r"key:\n", r"\nbye"),
     (r"\\u0022", r"\\u0022"), ("a%3D", "%26b"), ("=3D", "="), (r"\x1b[33m", r"\033[0m")],
)  # fmt: skip
def test_a_token_beside_an_escape_is_replaced(before: str, after: str) -> None:
    tokens = ("aws key id", "github", "telegram", "openai", "google", "jwt", "made by a vendor")
    for secret in planted(6 * len(KINDS), 4):
        if secret.kind in tokens:
            redacted = redact(f"see {before}{secret.secret}{after} now")
            assert left(secret, redacted) == [], secret.kind
            assert redacted.startswith(f"see {before}")
            assert marks.kinds(redacted).total() == 1, redacted


@pytest.mark.parametrize("text", ["tokens:\n  - @\n  - name\n", "user\ttoken\napp\t@\n"])
def test_tokens_in_a_list_or_a_column_below_their_name_are_replaced(text: str) -> None:
    secret = next(one.secret for one in planted(2 * len(KINDS), 3) if one.kind == "api key")
    redacted = redact(text.replace("@", secret))
    assert secret not in redacted
    assert marks.kinds(redacted) == {"token": 1}


def test_every_value_of_a_secret_of_kubernetes_is_replaced() -> None:
    text = (
        "kind: Secret\nstringData:\n  dsn: 'host=db user=@'  # of all\n\n  # more\n"
        "  app.yaml: |\n    user: app\n    port: @\n  last: @\ntype: Opaque\n"
    )
    redacted = redact(text.replace("@", "kR3tQ9"))
    assert "kR3tQ9" not in redacted
    assert redacted.endswith("]\ntype: Opaque\n")
    assert marks.kinds(redacted) == {"kubernetes-secret": 3}


def test_a_token_that_goes_on_in_the_next_line_of_a_terminal_is_replaced_as_a_whole() -> None:
    secret = next(one.secret for one in planted(len(KINDS), 3) if one.kind == "anthropic")
    redacted = redact(f"$ echo {secret[:70]}\n{secret[70:]}\n$ ls next_lines")
    assert redacted.startswith("$ echo [redacted: anthropic-key #")
    assert redacted.endswith("]\n$ ls next_lines")


def test_a_second_password_of_a_command_is_replaced_too() -> None:
    redacted = redact("keytool -genkey -storepass Kq3vX9tLm2 -keypass Zw8rT4nPd6 -alias a")
    assert marks.kinds(redacted) == {"password": 2}


def test_other_manifests_of_kubernetes_beside_a_secret_stay() -> None:
    others = (
        "kind: ConfigMap\ndata:\n  host: db.internal7x9q\n---\n",
        "\n---\nkind: Service\ndata:\n  a: b9x7w3q5",
    )
    redacted = redact("kind: Secret\ndata:\n  a: Q1NtQVhFeG9DWDA=".join(others))
    assert redacted.startswith(others[0])
    assert redacted.endswith(others[1])
    assert marks.kinds(redacted) == {"kubernetes-secret": 1}


def test_what_is_marked_as_private_is_left_out_also_when_it_is_not_closed() -> None:
    text = "fix it <private>for Acme,\nnot Tides</private> today <PRIVATE>and more"
    assert redact(text) == "fix it [redacted: private] today [redacted: private]"
    assert Redactor(KEY, own=None).text(text) == redact(text)


def test_the_users_patterns_and_exceptions_count() -> None:
    own = parse_setting(r"acme-id=ACME-[0-9]{4} Customer=customer\s(\w+) -test_[a-z]+")
    text = Redactor(KEY, own=own).text('ACME-1234 of customer Tides, password "test_only"')
    assert 'password "test_only"' in text
    assert marks.kinds(text) == {"acme-id": 1, "customer": 1}
    assert "of customer [redacted: customer #" in text


def test_a_rule_that_a_mark_fulfils_leaves_the_mark_and_applies_to_what_is_beside_it() -> None:
    own = parse_setting(r"word=redacted first=AAA second=(?<=\])B+")
    once = Redactor(KEY, own=own).text("[redacted: jwt #0000] redacted AAABBB")
    assert once.startswith("[redacted: jwt #0000] [redacted: word #")
    assert marks.kinds(once) == {"jwt": 1, "word": 1, "first": 1, "second": 1}
    assert Redactor(KEY, own=own).text(once) is once


@pytest.mark.parametrize("setting", ["acme", "=x", "acme=", "acme=[", "-("])
def test_a_setting_that_is_no_list_of_rules_is_refused_without_quoting_a_pattern(
    setting: str,
) -> None:
    with pytest.raises(ValueError, match="has ") as refused:
        parse_setting(setting)
    assert "[" not in str(refused.value)


def test_redaction_can_be_off() -> None:
    text = planted(1, 2)[0].text
    assert parse_setting("off") is None
    assert Redactor(KEY, own=None).text(text) is text


def test_the_library_is_asked_only_about_texts_with_a_long_token() -> None:
    asked: list[str] = []

    def library(text: str) -> list[Finding]:
        asked.append(text)
        at = text.find("zq9")
        return [Finding(at, at + 24, "acme-key", BY_LIBRARY)] if at >= 0 else []

    with_library = Redactor(KEY, library).text
    dense = "zq9f8e7d6c5b4a39f8e7d6c5"
    assert with_library(f"use {dense} here").startswith("use [redacted: acme-key #")
    assert with_library("a_function_with_a_long_name, but nothing else").startswith("a_f")
    assert asked[0] == f"use {dense} here"
    assert not any(text.startswith("a_function") for text in asked)


def test_without_time_for_the_library_what_looks_like_a_token_is_left_out() -> None:
    dense = "zQ9f8e7D6c5b4A39f8e7d6c5"
    assert "[redacted: unchecked #" in Redactor(KEY, cautious=True).text(f"use {dense} here")
    assert redact(f"use {dense} here") == f"use {dense} here"
