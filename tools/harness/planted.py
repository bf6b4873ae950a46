"""Made-up secrets in made-up surroundings. The values are random; nothing here is one.

Prefixes are put together at run time, so that no scanner takes this file for a leak.
"""

import base64
import json
import random
import string
from collections.abc import Callable
from typing import NamedTuple

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_BASE32 = string.ascii_uppercase + "234567"
_URL_SAFE = _ALNUM + "-_"
_FRAGMENT = 14  # characters of a value by which a part of it is recognised


class Planted(NamedTuple):
    """A secret in a text."""

    kind: str
    secret: str
    text: str

    @property
    def fragments(self) -> list[str]:
        """The parts of it of which none may be left: all of it, and the lines of a key."""
        lines = [line for line in self.secret.splitlines() if len(line) >= _FRAGMENT]
        parts = [line for line in lines if "KEY" not in line] or [self.secret]
        ends = [part[-_FRAGMENT:] for part in parts if len(part) > 2 * _FRAGMENT]
        return [*parts, *ends]


class _Chance:
    """Random characters."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311

    def of(self, characters: str, length: int) -> str:
        return "".join(self.random.choices(characters, k=length))

    def password(self) -> str:
        """A password as a generator makes it: letters and at least one digit."""
        length = self.random.randint(9, 20)
        return self.of(string.ascii_letters, length - 1) + self.of(string.digits, 1)

    def private_key(self, name: str) -> str:
        body = [self.of(_ALNUM + "+/", 64) for _ in range(self.random.randint(6, 25))]
        end = f"{name} KEY" + "-" * 5
        return "\n".join(["-" * 5 + f"BEGIN {end}", *body, self.of(_ALNUM, 38) + "==",
                          "-" * 5 + f"END {end}"])  # fmt: skip

    def jwt(self) -> str:
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
        claims = json.dumps({"sub": self.of(string.digits, 10), "jti": self.of(_HEX, 32)})
        body = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
        return f"{head}.{body}.{self.of(_URL_SAFE, 43)}"

    def uuid(self) -> str:
        return "-".join(self.of(_HEX, length) for length in (8, 4, 4, 4, 12))

    def basic(self) -> str:
        return base64.b64encode(f"deploy:{self.password()}".encode()).decode()


_VENDORS: tuple[Callable[[_Chance], str], ...] = (
    lambda c: "nf" + "p_" + c.of(_ALNUM, 36),
    lambda c: "squ" + "_" + c.of(_HEX, 40),
    lambda c: "rn" + "d_" + c.of(_ALNUM, 32),
    lambda c: "tv" + "ly-" + c.of(_ALNUM, 32),
    lambda c: "re" + "_" + c.of(_ALNUM, 8) + "_" + c.of(_ALNUM, 24),
    lambda c: "es" + "su_" + c.of(_ALNUM, 80),
    lambda c: c.of(_HEX, 32) + "-us" + "12",
    lambda c: "s" + "l." + c.of(_URL_SAFE, 130),
    lambda c: "access" + "-production-" + c.uuid(),
    lambda c: "pat" + "-na1-" + c.uuid(),
    lambda c: "MT" + c.of(_ALNUM, 24) + "." + c.of(_ALNUM, 6) + "." + c.of(_ALNUM, 38),
    lambda c: c.of(_ALNUM, 3) + "8Q" + "~" + c.of(_ALNUM, 34),
    lambda c: "1/1" + c.of(string.digits, 15) + ":" + c.of(_HEX, 32),
    lambda c: "oauth" + ":" + c.of(string.ascii_lowercase + string.digits, 30),
    lambda c: "pcs" + "k_" + c.of(_ALNUM, 6) + "_" + c.of(_ALNUM, 60),
    lambda c: "bb" + "_live_" + c.of(_URL_SAFE, 26) + "9",
    lambda c: "f" + "c-" + c.of(_HEX, 32),
    lambda c: "AKC" + "p" + c.of(_ALNUM, 69),
    lambda c: "sd" + "k-" + c.uuid(),
    lambda c: "K1" + "0" + c.of(_HEX, 64) + "::server:" + c.of(_HEX, 32),
    lambda c: "access" + "_token$production$" + c.of(_HEX, 16) + "$" + c.of(_HEX, 32),
)
_Make = Callable[[_Chance], str]
# Each kind: how its values are made, and the surroundings that they turn up in (`@` is the value).
KINDS: dict[str, tuple[_Make, tuple[str, ...]]] = {
    "aws key id": (lambda c: "AK" + "IA" + c.of(_BASE32, 16), (
        "AWS_ACCESS_KEY_ID=@", "use @ for the bucket", '{"AccessKeyId": "@"}')),
    "aws secret": (lambda c: c.of(_ALNUM + "+/", 39) + "9", (
        "aws_secret_access_key = @", 'export AWS_SECRET_ACCESS_KEY="@"')),
    "github": (lambda c: "gh" + "p_" + c.of(_ALNUM, 36), (
        "gh auth login --with-token <<< @", "here is the token: @", "git clone https://@@github.com/o/r")),
    "github fine": (lambda c: "github" + "_pat_" + c.of(_ALNUM, 22) + "_" + c.of(_ALNUM, 59), (
        "GITHUB_TOKEN=@ make release", "it said Bad credentials for @")),
    "gitlab": (lambda c: "gl" + "pat-" + c.of(_URL_SAFE, 19) + "7", (
        "curl --header 'PRIVATE-TOKEN: @' https://gitlab.example.org", "token @ has expired")),
    "slack": (lambda c: "xo" + "xb-" + c.of(string.digits, 12) + "-" + c.of(string.digits, 12) + "-"
        + c.of(_ALNUM, 24), ("SLACK_BOT_TOKEN: @", "client = WebClient(token='@')")),
    "slack webhook": (
        lambda c: f"T{c.of(_ALNUM, 9).upper()}/B{c.of(_ALNUM, 9).upper()}/{c.of(_ALNUM, 24)}",
        ("curl -X POST https://hooks.slack.com/services/@ -d hi",)),
    "telegram": (lambda c: "7" + c.of(string.digits, 9) + ":" + "AA" + c.of(_URL_SAFE, 33), (
        "https://api.telegram.org/bot@/getMe", "BotFather gave me @")),
    "stripe": (lambda c: "sk" + "_live_" + c.of(_ALNUM, 24), (
        "stripe.api_key = '@'", "stripe listen --api-key @")),
    "anthropic": (lambda c: "sk" + "-ant-api03-" + c.of(_URL_SAFE, 93) + "AA", (
        "ANTHROPIC_API_KEY=@", "the key is @")),
    "openai": (lambda c: "sk" + "-proj-" + c.of(_ALNUM, 48), (
        'OpenAI(api_key="@")', "401: Incorrect API key provided: @")),
    "google": (lambda c: "AI" + "za" + c.of(_URL_SAFE, 35), (
        "https://maps.googleapis.com/x?key=@&q=1", "GOOGLE_API_KEY: '@'")),
    "huggingface": (lambda c: "h" + "f_" + c.of(string.ascii_letters, 34), (
        "huggingface-cli login --token @", "HF_TOKEN=@")),
    "npm": (lambda c: "np" + "m_" + c.of(_ALNUM, 36), (
        "//registry.npmjs.org/:_authToken=@", "npm config set token @")),
    "pypi": (lambda c: "py" + "pi-AgEIcHlwaS5vcmc" + c.of(_URL_SAFE, 130), (
        "twine upload -u __token__ -p @ dist/*", "password = @")),
    "docker auth": (_Chance.basic, ('{"auths": {"ghcr.io": {"auth": "@"}}}',)),
    "jwt": (_Chance.jwt, ("Authorization: Bearer @", "token=@", "the session has @ in it")),
    "rsa key": (lambda c: c.private_key("RSA PRIVATE"), ("cat key.pem\n@\nwrote 1 file", "@")),
    "ssh key": (lambda c: c.private_key("OPENSSH PRIVATE"), (
        "cat > ~/.ssh/id_ed25519 <<'EOF'\n@\nEOF\nchmod 600 ~/.ssh/id_ed25519",)),
    "database url": (_Chance.password, (
        "DATABASE_URL=postgres://app:@@db.internal:5432/app", "redis://:@@cache:6379/0",
        "mongodb+srv://root:@@c0.x1.mongodb.net/?retryWrites=true")),
    "connection string": (_Chance.password, (
        "Server=tcp:db,1433;User ID=sa;Password=@;Encrypt=true",)),
    "netrc": (_Chance.password, ("machine git.example.org login me password @",)),
    "bearer": (lambda c: c.of(_ALNUM, 40), (
        "curl -H 'Authorization: Bearer @' https://api.example.org",)),
    "basic": (_Chance.basic, (
        "Authorization: Basic @", "echo @ | base64 -d")),
    "password": (_Chance.password, (
        "DB_PASSWORD=@", 'password: "@"', "the password is @", '{"user": "x", "password": "@"}',
        "export PGPASSWORD=@", "mysql -u root -p@ app", "curl -u admin:@ https://x.example.org",
        "settings['password'] = '@'", "login --password @", "<password>@</password>",
        "password (not for production): @", "- **Password:** `@`", 'use the password "@"',
        "- name: DB_PASSWORD\n  value: @", '{"name": "DB_PASSWORD", "value": "@"}',
        "ENV DB_PASSWORD @", "DB_PASSWORD\t@", "process.env.DB_PASSWORD || '@'",
        "expect(user.password).toBe('@')", "requests.get(url, auth=('deploy', '@'))",
        'server.login("deploy", "@")', "use @ as the password", "credentials: deploy / @",
        "ALTER USER app WITH PASSWORD '@';", "Das Passwort ist @", "la contraseña es @",
        "密码: @", "openssl enc -aes-256-cbc -pass pass:@", "db.internal:5432:app:deploy:@",
        "smbclient //files/share -U deploy%@", "htpasswd -nb deploy @", "useradd -p @ deploy",
        "unzip -P @ a.zip", "7z x -p@ a.7z", "mongosh --username a -p @", "sqlcmd -U sa -P @",
        "vncpasswd -f <<< @", "printf '%s' @ | docker login -u me --password-stdin",
        "gh secret set DB_PASSWORD --body @", "aws ssm put-parameter --name /db/password --value @",
        "ansible-vault encrypt_string '@' --name db", "requirepass @", "AUTH default @",
        "SET PASSWORD FOR app = '@';", "sqlplus scott/@@@//db:1521/x",
        "jdbc:oracle:thin:scott/@@@//db:1521/x", "cqlsh -u app -p @ db", "http -a admin:@ :8000",
        "etcdctl --user root:@ get x", "lftp -u deploy,@ ftp.example.org",
        "keytool -list -storepass @ -keystore k", "twine upload -u ci -p @ dist/x",
        "composer config http-basic.repo.example.org ci @", "echo @ | kinit deploy",
        "net use Z: \\\\files\\share @ /user:deploy", "cmdkey /add:db /user:x /pass:@",
        'ConvertTo-SecureString "@" -AsPlainText -Force', 'NetworkCredential("deploy", "@")',
        'variable "db_password" {\n  type = string\n  default = "@"\n}',
        "<key>password</key>\n<string>@</string>", "password: |\n  @\nuser: app",
        "password: &pw @", "password = '''@'''", '{ user: "app", pass: "@" }',
        'Dim pwd As String = "@"', 'network={\n psk="@"\n}', "user,password\napp,@",
        "| user | password |\n|---|---|\n| app | @ |",
        "INSERT INTO users (name, password) VALUES ('it''s, me', '@');",
        'expect "Password:" { send "@\\r" }', "la password è @", "a senha é @", "Kennwort: @",
        "パスワードは @ です", "비밀번호는 @ 입니다", "login: admin / @",
        "url=postgres%3A%2F%2Fapp%3A@%40db%2Fapp", "curl -su deploy:@ https://x.example.org",
        "podman secret create db - <<< @", "smtp:\n  user: app\n  pass: @\nport: 5",
        "log in with admin / @", "it asks for the password, type @", "the wifi password is @",
        "printf '%s\\n' '@' | gpg --batch --passphrase-fd 0 -d x", "bw unlock @", "kinit me <<< @",
        'restic --password-command "echo @" backup', "snmpget -v3 -u a -A @ host",
        "poetry config pypi-token.pypi @", "vault login @", "xfreerdp /u:a /p:@ /v:h",
        "mc alias set x https://h ak @", "doctl auth init -t @", "qpdf --encrypt @ x 256 -- a b",
        "eas secret:create --name X --value @", "npm config set //r/:_authToken @",
        """expect -c 'send "@\\r"'""", "cryptsetup open x y <<< @",
        "kubectl create secret generic x --from-literal=conn=@", "SSHPASS=@ sshpass -e ssh host",
        "pymysql.connect('db', 'app', '@', 'app')", "rootpw @", "bindpw @", "password → @",
        'DriverManager.getConnection("jdbc:mysql://db/app", "root", "@");',
        'sql.Open("mysql", "app:@@tcp(db:3306)/app")', "the admin password was changed to @",
        "A temporary password is generated for root: @", "Password for https://git.example.org: @",
        "rsync --password-file=<(echo @) a b", "ssh-keygen -t ed25519 -N @ -f k",
        "User.objects.create_user('a', 'a.example.org', '@')",
        "\x1b[1mPassword:\x1b[0m \x1b[33m@\x1b[0m", "\x1b[32mpassword\x1b[0m: @",
        '["redis-server", "--requirepass", "@"]', "rabbitmqctl add_user app @", "ssh-add <<< @",
        'dbPass := "@"', 'WiFi.begin("home", "@");', "pass is @", "vault kv put kv/db value=@",
        "echo -n '@' | gcloud secrets versions add db --data-file=-", "keyring set x me <<< @",
        "security add-generic-password -a me -s x -w @", "ipmitool -U a -P @ chassis status",
        "openssl enc -aes-256-cbc -k @ -in a", "*:*:*:app:@", "zugangsdaten: app / @",
        "Mein Passwort für den Server ist @.", "mot_de_passe=@", "mdp : @",
        "Le mot de passe du compte app est : @", "la contraseña del servidor es @",
        "CREATE LOGIN app WITH PASSWORD = N'@';", "passwords:\n  - @\n", 'passwords = ["@"]',
        "it wants a password, I typed @", "@ is the password", "custom:\n  dbPass: @",
        "use the following password to proceed:\n\n@\n", "Key        Value\npw         @",
        "echo @ | vercel env add X production", "grafana-cli admin reset-admin-password @",
        "snmpwalk -v2c -c @ host", "nmcli con modify x wifi-sec.psk @", "rdesktop -u a -p @ host",
        "pass show web/bank\n@", "root# vault kv get -field=password kv/db\n@\nroot# ls",
        "$ kubectl get secret db -o jsonpath={.data.pw} | base64 -d\n@%\n$ exit",
        "CREATE USER a IDENTIFIED WITH mysql_native_password BY '@';", "UID=sa;PWD={@}",
        "echo -n '@' | gh secret set DB", 'master_password = "old_one_1" -> "@"',
        '"db_password": {\n  "sensitive": true,\n  "type": "string",\n  "value": "@"\n}',
        '"Name": "/db/password",\n"Type": "SecureString",\n"Value": "@"',
        'public string Password { get; set; } = "@";', '.basic_auth("me", Some("@"))',
        'DriverManager.getConnection(url, "app", "@")', "net use Z: \\\\f\\share /user:a @",
        "nmcli dev wifi connect home password @", "log in as admin with password @ and look",
        """page.fill('input[name="password"]', '@')""", "PASSWORD elastic = @",
        'psk="two words @"', 'npmAuthIdent: "ci:@"', "bundle config gems.example.org ci:@",
        "login (password @) there", "new creds for grafana -> admin / @", 'var pw string = "@"',
        '["password"]=>\n  string(9) "@"', "::add-mask::@", 'PlainCredentials("app", "@")',
        "'auth' => ['me', '@']", 'child.expect("Password:")\nchild.sendline("@")',
        "skopeo copy --src-creds ci:@ docker://a docker://b", "kubeseal --raw <<< '@'",
        "evil-winrm -i h -u a -p @", "echo 'two words @' | gpg --batch --passphrase-fd 0 -d x",
        "rootpw --plaintext @", "ACL SETUSER app on >@ ~*", "&quot;password&quot;: &quot;@&quot;",
        'form-data; name="password"\n\n@', "lösenordet är @", "mật khẩu: @", "password\uff1d@",
        "changed the password from it to @", "cache_peer login=ada:@",
        'Secret::new("@")', "jwt.sign(payload, '@', {expiresIn: '1h'})",
        'ssh-keygen -N "two words @" -f k', "argocd admin initial-password -n argocd\n@",
        "Das Passwort für den neuen Server: @, bitte eintragen", "login is admin:@",
        "Das Kennwort vom Konto ist jetzt @", "Die Zugangsdaten lauten deploy und @",
        "usuario y contraseña: root / @", "la contraseña de la base de datos es @",
        "le credenziali sono admin / @", "パスワードは@です", "비밀번호는 @입니다",
        "Пароль от базы: @",
        "hasło do bazy to @", "heslo: @", "adgangskode: @", "kodeord er @", "salasana: @",
        "parola: @", "kata sandi: @", "mật khẩu là @", "كلمة السر هي @",
        "logged in, Credentials saved (admin/@)", "root password on that box: @",
        "curl -x me:@@proxy:3128 https://x.example.org", "mycli -u root -p @ db", "bw login me @",
        "beeline -u jdbc:hive2://h -n me -p @", "hydra -l admin -p @ ssh://h",
        "racadm -r h -u root -p '@' getsysinfo", "tsql -S db -U sa -P @", "p4 login <<< @",
        '["CMD", "redis-cli", "-a", "@", "ping"]', '["mysqladmin", "ping", "-uroot", "-p@"]',
        "7z a '-p@' a.7z b", "echo '@' > .vault_pass", "echo -n @ > /run/secrets/db_password",
        'echo "deploy:@" | sudo chpasswd', "openssl dgst -sha256 -hmac '@' f",
        "useradd -p $(openssl passwd -6 @) deploy", "sqlplus scott/@", 'sqlplus -s hr/"@"',
        "isql dsn sa @", "db2 connect to x user y using @", "ldappasswd -s @ uid=a",
        "security create-keychain -p @ x", "security add-internet-password -a a -w '@'",
        "security set-key-partition-list -S a: -k @ x", "certutil -f -p @ -importpfx x.pfx",
        "pk12util -i x.p12 -W @", "steghide extract -sf x.jpg -p @",
        "networksetup -setairportnetwork en0 home @", "secretsdump.py corp/admin:@@h",
        "govc about -u 'admin:@@vc'", "cryptsetup luksOpen /dev/x y --key-file <(echo -n '@')",
        "drush user:password admin '@'", 'dotnet user-secrets set "Db:Password" "@"',
        'kubectl patch secret db -p \'{"stringData":{"conn":"@"}}\'', "wpa_cli --psk @",
        "DB_PASSWORD ?= @", "db.internal:5433:*:deploy:@", "net user admin @ /add",
        'default = "@"\n  sensitive = true', 'sensitive = true\n  default = "@"',
        "generate_password_hash('@')", "check_password_hash(h, '@')", "bcrypt.hash('@', 10)",
        'bcrypt.hashpw(b"@", salt)', "Hash::make('@')", "password_hash('@', PASSWORD_DEFAULT)",
        'bcrypt.GenerateFromPassword([]byte("@"), 10)', 'var password = []byte("@")',
        'let password = String::from("@");', 'new UsernamePasswordToken("a", "@")',
        'signInWithEmailAndPassword(auth, "me", "@")', "login(page, 'admin', '@')",
        "UPDATE users SET password=MD5('@');", "password => Sensitive('@')", "stats auth admin:@",
        "enable secret @", "username admin privilege 15 secret 0 @", "pwd_context.hash('@')",
        'assertEquals("@", user.getPassword());', 'password changed from old_one_2 to "@"',
        "USER    PASSWORD\nadmin   @\nguest   none", "DB_PASSWORD_PROD='@'", "pass phrase: @",
        "passwords = {'me': '@'}", 'PASSWORDS=("@")', "<user>a</user><pass>@</pass>",
        "<Password><![CDATA[@]]></Password>", 'sops --set \'["db"]["password"] "@"\' x',
        "./x --user=a:@",
        'run(["curl", "-u", "a:@", "https://x"])', 'spawn("redis-cli", ["-a", "@"])',
        "password: 'old_one_3' → '@'", "app.use(cookieParser('@'))",
        "ssh.connect('h', 22, 'a', '@')",
        'config.password = ENV["X"] || "@"', '<wsse:Password Type="x">@</wsse:Password>',
        "type(getByLabelText(/password/i), '@')", "passwordConfirmation: '@'", "pass: @",
        '\x1b[38;5;208mpassword\x1b[0m \x1b[38;5;250m=\x1b[0m \x1b[38;5;150m"@"\x1b[0m')),
    "kubernetes secret": (lambda c: base64.b64encode(c.password().encode()).decode(), (
        "kind: Secret\ndata:\n  db.conn: @\nmetadata:\n  name: db",
        "apiVersion: v1\ndata:\n    conn: '@'\nkind: Secret\n---\nkind: Service",
        '{"apiVersion": "v1", "data": {"conn": "@"}, "kind": "Secret"}')),
    "made by a vendor": (lambda c: c.random.choice(_VENDORS)(c), (
        "use this: @", "(@)", "my key is @, ok?", "@.", '{"data": "@"}')),
    "api key": (lambda c: c.of(_HEX, 32), (
        'Authorization: Digest username="a", uri="/", response="@"', "nuget setapikey @ -source x",
        "dotnet nuget push a.nupkg -k @ -s https://x.example.org", "API-Schlüssel: @",
        "clé API : @", "clave secreta: @", "chiave_api: @", "jeton: @", '{"tokens": ["@"]}',
        "@ is my api key",
        "client = Client('AC0123456789abcdef0123456789abcdef', '@')",
        "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=@",
        "ApiKey    REG_SZ    @",
        '{"username":"me","key":"@"}', 'Fernet(b"@")', "token: Secret { value: '@' }",
        "cat config/master.key\n@", "wandb login @", "privkey: @",
        "api_key: @", '"apiKey": "@"', "X-Api-Key: @", "const API_KEY = '@'", "--api-key=@")),
    "secret": (lambda c: c.of(_ALNUM, 50), (
        "SECRET_KEY = '@'", "client_secret=@", "secret_key_base: @", 'SecretStr("@")',
        '{"kty":"EC","crv":"P-256","d":"@"}', ".example.org\tTRUE\t/\tTRUE\t0\tsession\t@",
        "influx config create -n c -t @ -o org", 'export BW_SESSION="@"', "Authorization: SSWS @",
        "ngrok config add-authtoken @", "importprivkey @", "https://x.example.org/a;jsessionid=@",
        "confluent api-key store ABCDEFGHIJKLMNOP @", "Unseal Key 1: @", "$6$7mQx9zR3$@",
        r'{\"client_secret\": \"@\"}', 'api_key = (\n    "@"\n)', "cloudflared service install @",
        "curl -b 'sid=@' https://x.example.org",
        "document.cookie = 'sid=@'", "https://x.example.org/back?code=@&state=1",
        '<input name="SAMLResponse" value="@"/>', "rclone config create x s3 token=@",
        "const token = await getToken() || '@';", 'bot = Bot("@")', "║ token ║ @ ║",
        'hmac.New(sha256.New, []byte("@"))', "createCipheriv('aes-256-cbc', '@', iv)",
        "NAME      TOKEN\nci        @", 'TOKENS = {"me": "@"}', "expect(token).to.equal('@')",
        "circleci context store-secret o c API_KEY <<< @", "replace OLD_TOKEN with @",
        "Вот токен: @", "APIキー: @", "토큰: @", "here is my openrouter key: @",
        "The token you need is `@`.", "I made a new API token for you:\n\n    @\n", "--key @",
        '{"key": "@"}', "curl --cookie 'session=@' https://x", "http -A bearer -a @ :8000",
        "const client = new OpenAI('@');", '@Value("${api.key:@}")'[6:],
        "new SignJWT(x).sign(new TextEncoder().encode('@'))", '.signWith(A.HS256, "@")',
        'addValue("@", forHTTPHeaderField: "X-API-Key")', ">>> token\n'@'",
        ">>> print(settings.SECRET_KEY)\n@", "In [3]: token\nOut[3]: '@'", "--pat @",
        '<meta-data android:name="com.example.API_KEY" android:value="@"/>',
        "> crypto.randomBytes(32).toString('hex')\n'@'", "mix phx.gen.secret\n@",
        "$ echo $API_TOKEN\n@\n$ ls", "openssl rand -base64 32\n@",
        "cd app && echo $API_TOKEN\n@\n", "grep TOKEN .env | cut -d= -f2\n@",
        "$ kubectl exec web -- cat /etc/secrets/token\n@", "PS C:\\a> $env:API_TOKEN\n@",
        ">>> os.environ['API_TOKEN']\n'@'",
        "irb> ENV['API_TOKEN']\n=> \"@\"", "app=# select api_key from u;\n api_key\n---------\n @",
        "$ curl -s https://x.example.org/token | jq -r .access_token\n@", 'api_key: Some("@")',
        "{'Authorization': 'Bearer ' + '@'}", '{ auth: "@" }', "What's your API key?\n@",
        "use @ as the token", "@ is my token", "the api key @", 'Github("@")',
        '"Jwt": { "Issuer": "x", "Key": "@" }', "input_value='@', input_type=str",
        '{"name":"sessionid","value":"@"}',
        "| `API_TOKEN` | `@` |", "here is the API key:\n```\n@\n```", "X-Corp-Key: @",
        'co = Client("@")', "sed -i 's/YOUR_API_KEY/@/' x.js", "GITHUB_PAT=@",
        r'buildConfigField("String", "API_KEY", "\"@\"")', "Authorization: Bearer \\\n@",
        '"github-oauth": {"github.com": "@"}', "Cookie: csrf=Zk3xQ9vT7mPb2LwR; sid=@",
        "I ran:\n  cat ~/.config/app/token\n  @\nand it is there")),
}  # fmt: skip


def planted(count: int, seed: int) -> list[Planted]:
    """Return so many secrets, of all kinds in turn."""
    chance = _Chance(seed)
    kinds = list(KINDS.items())
    found = []
    for number in range(count):
        kind, (make, around) = kinds[number % len(kinds)]
        secret = make(chance)
        surroundings = around[(number // len(kinds) + seed) % len(around)]
        # A mail or URL has an @ of its own, right behind the value.
        text = surroundings.replace("@@", "\0@").replace("@", "\0", 1 - surroundings.count("@@"))
        found.append(Planted(kind, secret, text.replace("\0", secret)))
    return found
