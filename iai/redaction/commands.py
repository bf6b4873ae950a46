"""Passwords in the arguments of commands that have no name for them, such as `curl -u`."""

from iai.redaction.randomness import is_password, is_random, is_unmistakable
from iai.redaction.triggered_form import Form, compiled, is_value

_BETWEEN = r"""(?:\s{1,2}["']?|["'],\s{0,4}\[?["'])"""  # arguments, also in a list of them
# A hint, a word of the command, what else its name may have, and what is right before the password.
_ARGUMENTS = (
    *(
        (hint, "curl", "", option)
        for hint in (" -", '"')  # the latter in a list of arguments
        for option in (
            r"""(?:-[a-z]{0,6}u|--user|--proxy-user)[\s=]{0,2}["']?[^\s:"']{1,80}:""",
            r"""(?:-x|--proxy)[\s=]{1,2}["']?[^\s:"'/@]{1,80}:(?=[^\s"']{1,200}@)""",
        )
    ),
    ("-p", "mysql", "(?:dump|admin|import|show|sh)?", r"""(?-i:-p)["']?"""),
    ("-p", "mariadb", r"[\w-]{0,8}", r"""(?-i:-p)["']?"""),
    ("-p", "mongo", r"\w{0,7}", r"""(?-i:-p)\s{0,2}["']?"""),
    ("key", "ssh-keygen", "", r"""(?-i:-[NP])\s{1,2}["']?"""),
    ("-p", "rdesktop", "", r"""(?-i:-p)\s{1,2}["']?(?!-)"""),
    ("-p", "ipmitool", "", r"""(?-i:-P)\s{1,2}["']?"""),
    ("pass", "add-", "(?:generic|internet)-password", r"""(?-i:-w)\s{1,2}["']?(?!-)"""),  # of macOS
    ("-p", "create-keychain", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("key", "set-key-partition-list", "", r"""(?-i:-k)\s{1,2}["']?(?!-)"""),
    ("-p", "steghide", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("-p", "certutil", "", r"""(?-i:-p)\s{1,2}["']?(?!-)"""),
    (" -", "pk12util", "", r"""(?-i:-[WK])\s{1,2}["']?"""),
    ("-p", "tsql", "", r"""(?-i:-P)\s{0,2}["']?"""),
    (" -", "openssl enc", "", r"""(?-i:-K)\s{1,2}["']?"""),
    (" -", "openssl dgst", "", r"""-hmac\s{1,2}["']?"""),
    (
        "pass",
        "openssl passwd",
        "",
        r"""(?-i:-(?:[156]|apr1))\s{1,2}(?:-salt\s\S{1,40}\s)?["']?(?!-)""",
    ),
    ("pass", "nmcli", "", r"""password\s{1,2}["']?"""),
    ("pass", "sshpass", "", r"""(?-i:-p)\s{0,2}["']?"""),
    *((hint, "redis-cli", "", r"""(?-i:-a)\s{1,2}["']?""") for hint in (" -", '"')),
    ("login", "login", "", r"""(?-i:-p)\s{1,2}["']?(?!-)"""),  # docker login, az login
    ("-p", "unlock-keychain", "", r"""(?-i:-p)\s{1,2}["']?"""),  # of macOS
    ("-p", "security import", "", r"""(?-i:-P)\s{1,2}["']?"""),
    ("-p", "evil-winrm", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("-p", "netexec", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("-p", "crackmapexec", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("key", "choco apikey", "", r"""(?:--key|-k)[\s=]{1,2}["']?"""),
    ("-p", "sqlcmd", "", r"""(?-i:-P)\s{0,2}["']?"""),
    (" -", "ldap", r"\w{3,10}", r"""(?-i:-w)\s{0,2}["']?"""),
    ("pass", "ldappasswd", "", r"""(?-i:-s)\s{1,2}["']?"""),
    ("-p", "mosquitto_", r"\w{3}", r"""(?-i:-P)\s{1,2}["']?"""),
    ("-p", "useradd", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("-p", "usermod", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("-p", "zip", "(?:cloak)?", r"""(?-i:-P)\s{0,2}["']?"""),
    ("-p", "7z", "[ar]?", r"""(?-i:-p)["']?"""),
    (" -", "rar", "", r"""(?-i:-h?p)["']?(?!\s)"""),
    ("%", "smbclient", "", r"""-U\s{0,2}["']?[^\s%"']{1,80}%"""),
    ("-p", "cqlsh", "", r"""(?-i:-p)\s{1,2}["']?"""),
    (" -", "snmp", r"\w{2,9}", r"""(?-i:-[AXc])\s{1,2}["']?"""),
    (" -", "doctl", "", r"""(?:-t|--access-token)[\s=]{1,2}["']?"""),
    ("-p", "bcp", "", r"""(?-i:-P)\s{0,2}["']?"""),
    ("-p", "cypher-shell", "", r"""(?-i:-p)\s{1,2}["']?"""),
    (" -", "etcdctl", "", r"""--user[= ]["']?[^\s:"']{1,80}:"""),
    *(
        (" -", command, "s?", rf"""(?-i:-a|--auth)[= ]{{1,2}}["']?{user}""")
        for command, user in (
            ("http", r"""[^\s:"']{1,80}:"""),
            ("xh", r"""[^\s:"']{1,80}:"""),
            ("http -a bearer", ""),
        )
    ),
    ("-p", "psexec", r"[\w.]{0,6}", r"""-p\s{1,2}["']?"""),
    (" -", "lftp", "", r"""(?-i:-u)\s{1,2}["']?[^\s,"']{1,80},"""),
    ("pass", "keytool", "", r"""-(?:store|key|src|dest|new)\w{0,7}pass\s{1,2}["']?"""),
    ("pass", "jarsigner", "", r"""-(?:store|key)pass\s{1,2}["']?"""),
    ("-p", "twine", "", r"""(?-i:-p)\s{1,2}["']?"""),
    ("-p", "az sql", "", r"""(?-i:-p)\s{1,2}["']?"""),
    (" -", "nuget", "", r"""(?-i:-k|--api-key|-ApiKey)\s{1,2}["']?"""),
    (" -", "oathtool", "", r"""["']?(?!-)"""),
    (" -", "codecov", "", r"""-t\s{1,2}["']?"""),
    (" -", "influx", "", r"""(?-i:-t)\s{1,2}["']?"""),
    (" -", "openssl enc", "", r"""(?-i:-k)\s{1,2}["']?"""),
    ("secret", "keyvault secret set", "", r"""--value[= ]["']?"""),
    (
        "pass",
        "htpasswd",
        "",
        r"""-(?-i:[a-zB-Z]{0,6}b[a-zB-Z]{0,6})(?:\s+-\w+)*\s+\S+\s+(?:\S+\s+)?["']?""",
    ),
)


def _in_lists(before: str) -> str:
    """Return a pattern of what is before a password, for a list of arguments, too."""
    for spaces in (r"\s{1,2}", r"\s{0,2}", r"[\s=]{0,2}"):
        before = before.replace(spaces, rf"""(?:{spaces}|["'],\s{{0,4}}(?=["']))""")
    return before


FORMS = (
    *(
        Form(
            "password",
            command,
            compiled(
                rf"""(?<![\w.-])(?:un)?{command.replace(" ", "[ ]")}{more}\b
                [^\n|;]{{0,400}}?{_BETWEEN}{_in_lists(before)}(?!\[redacted)
                ((?<=["'])[^"'\n]{{3,200}}(?=["'])|[^\s"']{{3,200}})"""
            ),
            is_value,
            back=2,
            hint=hint,
        )
        for hint, command, more, before in _ARGUMENTS
    ),
    Form("password", "-pass", compiled(r"""-pass(?:in|out)?[= ]["']?pass:([^\s"']{3,200})"""),
        is_value, hint="pass"),  # openssl
    Form("password", "creds", compiled(  # skopeo
        r"""-creds[ =]["']?[\w.-]{1,60}:([^\s"']{3,200})"""), is_value, back=1, hint="cred"),
    Form("password", "acl setuser", compiled(  # of Redis
        r"""acl[ ]setuser[ ][^\n]{0,100}?[ ]>(\S{4,200})"""), is_value, hint="user"),
    Form("token", "vault login", compiled(
        r"""vault[ ]login[ ](?:-[\w=-]{1,40}[ ]){0,3}["']?(?!-)([^\s"'=]{6,200})"""), is_password,
        hint="login"),
    Form("password", "--encrypt ", compiled(  # qpdf: the user's password, then the owner's
        r"""--encrypt[ ]([^\s"']{3,200})[ ]\S{1,200}[ ]\d{2,3}"""), is_value, hint="--"),
    Form("password", "--encrypt ", compiled(
        r"""--encrypt[ ]\S{1,200}[ ]([^\s"']{3,200})[ ]\d{2,3}"""), is_value, hint="--"),
    Form("password", "xfreerdp", compiled(
        r"""xfreerdp\d?\b[^\n|;]{0,200}?[ ]/p:["']?([^\s"']{3,200})"""), is_value, hint=":"),
    Form("password", "bw unlock", compiled(
        r"""bw[ ]unlock[ ](?:--\w{1,10}[ ]){0,2}["']?(?!-)([^\s"']{6,200})"""), is_password),
    Form("password", "bw login", compiled(
        r"""bw[ ]login[ ][^\s"'-]{1,80}[ ]["']?(?!-)([^\s"']{6,200})"""), is_password,
        hint="login"),
    *(
        Form("password", trigger, compiled(  # of whatever takes a user and a password
            rf"""{option}[ =]["']?[\w.@\\-]{{1,60}}["']?[ ]-p[ =]?["']?([^\s"']{{6,200}})"""),
            is_password, hint="-p")
        for trigger, option in ((" -u", "[ ]-u(?:ser(?:name)?)?"), (" -l ", "[ ]-l"),
                                (" -n ", "[ ]-n"))
    ),
    Form("password", " -u ", compiled(
        r"""[ ]-u[ ]["']?[\w.-]{1,60}:([^\s"'@]{4,200})@"""), is_password, hint="@"),
    *(
        Form("password", option, compiled(
            rf"""{option}(?:name)?[ =]["']?[\w.@-]{{1,60}}:([^\s"'@]{{6,200}})"""), is_password,
            hint="--")
        for option in ("--user", "--login")
    ),
    *(
        Form("password", f"{name} ", compiled(  # of Cisco
            rf"""(?:enable[ ]
            |username[ ]\S{{1,60}}[ ](?:privilege[ ]\d{{1,2}}[ ])?){name}[ ](?:\d[ ])?
            ([^\s"']{{6,200}})"""), is_password, back=80, hint=hint)
        for name, hint in (("password", "pass"), ("secret", "secret"))
    ),
    *(
        Form("password", tool, compiled(  # of Impacket
            rf"""{tool}[^\n|;]{{1,200}}?[ ]["']?[\w.-]{{1,60}}/[\w.-]{{1,60}}:["']?
            ([^\s"'@]{{4,200}})["']?@"""), is_value, hint="@")
        for tool in ("impacket-", "secretsdump", "exec.py")
    ),
    Form("secret", "secret-set-value ", compiled(  # of libvirt
        r"""secret-set-value[ ][^\n|;]{1,120}?--base64[ ]["']?([a-z0-9+/=]{8,500})"""),
        hint="secret"),
    Form("password", "-setairportnetwork ", compiled(  # of macOS
        r"""-setairportnetwork[ ]\S{1,20}[ ](?:"[^"\n]{1,64}"|\S{1,64})[ ]["']?([^\s"']{8,63})"""),
        is_value, hint=" -"),
    Form("password", "connect to ", compiled(  # of Db2
        r"""connect[ ]to[ ]\S{1,60}[ ]user[ ]\S{1,60}[ ]using[ ]["']?([^\s"']{4,200})"""),
        is_password, hint="user"),
    Form("password", "isql ", compiled(  # of unixODBC
        r"""isql[ ](?:-[\w]{1,10}[ ]){0,3}[^\s-]{1,60}[ ][^\s-]{1,60}[ ]["']?([^\s"']{6,200})"""),
        is_password, hint="sql"),
    Form("password", "drush user:password ", compiled(
        r"""drush[ ]user:password[ ]\S{1,60}[ ](?:--password=)?["']?([^\s"']{4,200})"""), is_value,
        hint="pass"),
    Form("pypi-token", "pypi-token.", compiled(
        r"""pypi-token\.[\w.-]{1,40}\s{1,2}["']?([^\s"']{6,512})"""), is_password,
        hint="token"),  # poetry
    Form("secret", "mc alias set", compiled(
        r"""mc[ ]alias[ ]set[ ](?:\S{1,200}[ ]){3}["']?([^\s"']{6,200})"""), is_password,
        hint=":"),
    Form("aws-secret", "secret_access_key ", compiled(
        r"""secret_access_key[ ]["']?([a-z0-9/+]{40})(?![a-z0-9/+])"""), hint="secret"),
    *(
        Form("cookie", option, compiled(
            rf"""{option.replace(" ", "[ ]")}["']?(?:[\w.-]{{1,60}}=[^;\s"']{{0,80}};[ ]?){{0,6}}
            [\w.-]{{1,60}}=([^;\s"']{{12,4096}})"""),
            is_random, hint="=")
        for option in (" -b ", "--cookie ")
    ),
    Form("password", "echo ", compiled(
        r"""(?:password|secret|token)-(?:command|file)[ =:]{1,3}(?:["']|<\()?echo[ ]["']?
        ([^\s"')]{3,200})"""),
        is_value, back=20, hint=" -"),
    Form("secret", "secret:create", compiled(
        r"""secret:create\b[^\n|;]{0,200}?[ ]--value[ =]["']?([^\s"']{3,200})"""), is_value,
        hint="secret"),  # eas
    Form("secret", "secret set ", compiled(
        r"""secret[ ]set[ ][^\n|;]{1,200}?\s(?:--body[ =]|-b)\s{0,2}["']?([^\s"']{3,200})"""),
        is_value, hint="secret"),
    Form("secret", "--from-literal", compiled(  # kubectl
        r"""--from-literal[ =]["']?[\w.-]{1,253}=["']?([^\s"']{3,500})"""), is_password, hint="="),
    Form("secret", "put-parameter", compiled(
        r"""put-parameter\b[^\n|;]{1,400}?(?:pass|secur|secret|token|key)[^\n|;]{1,200}?\s--value
        [ =]["']?([^\s"']{3,200})"""), is_value, hint=" -"),
    Form("secret", "encrypt_string", compiled(r"""encrypt_string\s+["']([^\s"']{3,200})["']"""),
        is_value, hint=" -"),
    Form("password", "http-basic", compiled(  # composer, poetry
        r"""http-basic\.\S{1,120}\s{1,4}\S{1,80}\s{1,4}["']?([^\s"']{4,200})"""), is_password,
        hint="basic"),
    Form("password", "convertto-securestring", compiled(  # PowerShell
        r"""convertto-securestring\s+(?:-String\s+)?["']([^"'\n]{3,200})["']"""),
        is_value, hint=" -"),
    Form("password", "/pass:", compiled(r"""/pass:["']?([^\s"']{3,200})"""), is_value, hint="pass"),
    Form("password", "net use", compiled(
        r"""net[ ]use[ ][^\n]{0,100}\\\\\S{1,100}[ ](?:/user:\S{1,80}[ ])?([^\s/"'*]{4,200})"""),
        is_password),
    Form("password", "net user", compiled(
        r"""net[ ]user[ ][\w.-]{1,60}[ ](?!/)([^\s"']{4,200})"""), is_password, hint="net use"),
    *(
        Form("password", verb, compiled(
            rf"""{verb}[ ]\S{{1,80}}[ ]["']?([^\s"']{{3,200}})"""), is_password, hint=hint)
        for verb, hint in (("change_password", "pass"), ("add_user", "_"))  # rabbitmqctl
    ),
    Form("token", "cargo login", compiled(
        r"""cargo[ ]login[ ]["']?(?!-)([\w-]{16,200})"""), is_password, hint="login"),
    *(
        Form(kind, verb, compiled(rf"""{verb}\s["']?(?!-)([^\s"']{{8,200}})"""), is_password,
            hint=hint)
        for kind, verb, hint in (
            ("api-key", "setapikey", "key"),  # nuget
            ("wallet-key", "importprivkey", "key"),
            ("password", "reset-admin-password", "pass"),  # grafana
        )
    ),
    Form("password", "bundle config", compiled(
        r"""bundle[ ]config[ ](?:set[ ])?(?:--\w{1,10}[ ]){0,2}[\w./:-]{1,120}[ ]["']?
        ([\w.-]{1,80}:[\w.~-]{6,200})"""),
        is_password, hint=":"),
    Form("secret", "api-key store ", compiled(  # Confluent
        r"""api-key[ ]store[ ][A-Z0-9]{16}[ ]["']?([^\s"']{16,200})"""), hint="key"),
    Form("secret", "kv put ", compiled(  # vault
        r"""kv[ ]put[ ][^\n|;=]{1,200}?[ ][\w.-]{1,80}=["']?([^\s"'@]{3,200})"""), is_password,
        hint="="),
    Form("password", "sqlplus", compiled(
        r"""sqlplus[ ](?:-\w+[ ]){0,4}["']?[\w.-]{1,60}/["']?([^\s@/"']{3,200})"""), is_value,
        hint="sql"),
    Form("password", "jdbc:oracle:", compiled(
        r"""jdbc:oracle:\w+:[\w.-]{1,60}/([^\s@/"']{3,200})@"""), is_value, hint="@"),
    Form("password", "psk", compiled(  # of a wireless network
        r"""(?:(?<![a-z])psk(?:\s{0,2}=\s{0,2}["']?|[ ]["'])|(?<=[.-])psk[ =])
        ((?<=["'])[^"'\n]{8,63}|[^\s"']{8,63})"""), is_password),
    Form("password", "wpa_passphrase", compiled(
        r"""wpa_passphrase[ ](?:"[^"\n]{1,64}"|\S{1,64})[ ]["']?([^\s"']{8,63})"""), is_password,
        hint="pass"),
    Form("password", "<<<", compiled(
        r"""(?:passwd|sudo\s-S|--password-stdin|env\sadd|secret\s(?:put|set|create)|kinit|cryptsetup
        |pass\sinsert|secret-tool|keyring\sset|ssh-add|kubeseal|p4\slogin|read\s-\w{0,3}s)
        [^\n|;<]{0,80}<<<\s{0,2}["']?([^\s"']{3,200})"""),
        is_value, back=100, hint="<"),
    *(
        Form("password", command, compiled(
            rf"""{command}\s+(?:-[en]{{1,2}}\s+|["']%s(?:\\n)?["']\s+)?["']?
            ((?<=["'])[^\n"'|]{{4,200}}(?=["'])|[^\s"'|]{{4,200}})["']?\s*\|\s*
            (?:sudo\s+)?(?:-S\b|docker\s+login|passwd|chpasswd|kinit|pass\s+insert|cryptsetup
            |wrangler\s+secret|gcloud\s+secrets|vercel\s+env|(?:gh|docker|podman|fly|flyctl)\s+secrets?
            |[^\n|;]{{1,120}}--(?:password-stdin|passphrase-fd|with-token))\b"""),
            is_value, hint="|")
        for command in ("echo", "printf")
    ),
    *(
        Form("secret", "echo ", compiled(  # into a file that is called so
            rf"""echo\s+(?:-[en]{{1,2}}\s+)?["']?([^\s"'|>]{{6,400}})["']?
            \s*>{{1,2}}\s*["']?[^\s"'|;&]{{0,120}}?{name}"""), is_password, hint=name)
        for name in ("pass", "secret", "token", "cred", "key", "pw")
    ),
    Form("secret", "<(echo ", compiled(
        r"""<\(echo[ ](?:-n[ ])?["']?([^\s"'|>()]{6,400})["']?\)"""), is_unmistakable, hint="<"),
)  # fmt: skip
