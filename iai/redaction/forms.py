"""Secrets that are known by their form: URLs, headers, calls, and tokens of several parts."""

import re

from iai.redaction import commands
from iai.redaction.candidates import is_like_a_token
from iai.redaction.finding import BY_NAME
from iai.redaction.randomness import (
    is_generated,
    is_password,
    is_placeholder,
    is_random,
    is_strong,
    is_unique,
    is_unmistakable,
)
from iai.redaction.tokens import basic_password
from iai.redaction.triggered_form import Form, by_hints, compiled, is_value

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _is_token(value: str) -> bool:
    has_digit = any(map(str.isdigit, value))
    return is_random(value) or (len(value) >= 20 and has_digit)  # noqa: PLR2004


_QUOTED = ('("', "('")  # how the arguments of a call begin that is given a literal


def _is_alone(value: str) -> bool:
    return is_like_a_token(value) and not is_placeholder(value)


def _has_token(cookies: str) -> bool:
    return any(_is_token(cookie.partition("=")[2] or cookie) for cookie in cookies.split(";"))


def _is_basic(value: str) -> bool:
    return bool(basic_password(value))


# Found in every text, whether or not it has a long run of letters and digits.
_ALWAYS = (
    Form("url-password", "://", compiled(
        r"""://[^\s/@:"'<>`]{0,120}:([^\s/"'<>`]{1,200})@[\w.$\[{-]"""), is_value, hint="@"),
    Form("url-token", "://", compiled(
        r"://([\w-]{20,255})(?::(?:x-oauth-basic)?)?@[\w.-]"), _is_token, hint="@"),
    Form("signature", "sig=", compiled(r"(?<=[?&])sig=([A-Za-z0-9%+/=_-]{20,200})"), hint="="),
    Form("signature", "signature=", compiled(r"signature=([0-9a-f]{32,512})"), hint="="),
    Form("api-key", "key=", compiled(r"(?<=[?&])key=([\w.~%+/-]{16,2048})"), _is_token, hint="="),
    Form("auth-header", "authorization", compiled(
        r"""authorization["'`\]]{0,2}\s{0,3}[:=,]\s{0,3}\\?["'`]?(?:(?:bearer|basic|token|bot
        |apikey|api-key|key|sso-key|ssws|splunk|oauth|negotiate)\s{1,3})?([^\s"'`\\,<>;(){}$]{8,4096})"""),
        _is_token, hint="auth"),
    Form("auth-header", "digest ", compiled(
        r"""digest[ ][^\n]{0,500}?\bresponse=\\?["']?([0-9a-f]{32,128})(?![0-9a-f])"""),
        hint="auth"),
    Form("bearer-token", "bearer", compiled(
        r"""bearer(?:[\s=:]{1,3}(?:\\?\n[ \t]{0,40})?|[ ]?["'][ ]?[,+.][ ]?["'])
        ([\w.~+/=-]{10,4096})"""), is_random),
    Form("basic-auth", "basic", compiled(r"basic\s{1,3}([A-Za-z0-9+/]{8,1024}={0,2})"),
        _is_basic),
    Form("basic-auth", "auth", compiled(
        r"""auth\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?([A-Za-z0-9+/]{8,1024}={0,2})"""), _is_basic),
    Form("netrc-password", "machine", compiled(
        r"""machine\s{1,8}\S{1,120}\s{1,8}(?:account\s{1,8}\S{1,120}\s{1,8})?
        (?:login\s{1,8}\S{1,120}\s{1,8})?password\s{1,8}(\S{1,200})"""),
        is_value, hint="pass"),
    Form("netrc-password", "default", compiled(
        r"default\s{1,8}login\s{1,8}\S{1,120}\s{1,8}password\s{1,8}(\S{1,200})"),
        is_value, hint="pass"),
    Form("cookie", "cookie:", compiled(
        r"""cookie:\s{0,3}(?:[\w.-]{1,60}=[^;\s]{0,15};\s?){0,8}[\w.-]{1,60}=
        ([^;\s"'\\]{16,4096}(?:;\s?[\w.-]{1,60}=[^;\s"'\\]{0,4096}){0,50})"""),
        _has_token, hint="="),
    Form("cookie", "cookie", compiled(
        r"""cookie["']?\s{0,3}[=:]\s{0,3}["'`](?:[\w.-]{1,60}=[^;\s"'`]{0,80};\s?){0,8}[\w.-]{1,60}=
        ([^;\s"'`\\]{16,4096})"""), _is_token, hint="="),
    Form("cookie", ";jsessionid=", compiled(r";jsessionid=([\w.!-]{16,200})"), hint="="),
    Form("oauth-code", "code=", compiled(r"(?<=[?&])code=([\w.~%/-]{20,2048})"), is_random,
        hint="="),
    Form("password", "pass: ", compiled(r"""(?<![\w-])(?-i:[Pp]ass):[ ]([^\s\"'`,;()<>]{6,64})"""),
        is_strong, hint="pass"),
    *(
        Form("password", port, compiled(
            rf"{re.escape(port)}(?:\d:)?[^\s:]{{1,60}}:[^\s:]{{1,60}}:([^\s:\"']{{4,200}})"),
            is_value, hint=":")
        for port in (":543", "*:*:")  # ~/.pgpass
    ),
    Form("password", "auth", compiled(
        r"""auth["']?\s{0,3}(?:=>|[=:])?\s{0,3}[\[(]\s{0,8}(?:["'][^"'\n]{0,80}["'],\s{0,8}){1,2}
        (?:Some\()?["']([^"'\s]{4,200})["']"""), is_password),  # auth=("me", "...")
    Form("password", "wifi.begin(", compiled(
        r"""wifi\.begin\(\s{0,8}"[^"\n]{1,80}",\s{0,8}"([^"\s]{8,63})\""""), is_password,
        hint='("'),
    *(
        Form("password", call, compiled(
            rf"""{re.escape(call)}\s{{0,8}}(?:[\w.$]{{1,40}},\s{{0,8}})?["'][^"'\n]{{1,80}}["'],\s{{0,8}}
            ["']([^"'\s]{{4,200}})["']"""), is_password, hint=hint)
        for call, hint in (("login(", "login"), ("authenticate(", "auth"))
    ),
    Form("password", "assert", compiled(
        r"""assert\w{0,20}[( ]\s{0,4}["']([^"'\s]{6,200})["'],\s{0,8}[\w.]{0,60}passw"""),
        is_password, hint="pass"),
    Form("password", "stats auth ", compiled(  # of HAProxy
        r"""stats[ ]auth[ ][\w.-]{1,60}:(\S{4,200})"""), is_password, hint="auth"),
    Form("password", "@", compiled(  # behind an address
        r"""@[\w-]{1,60}(?:\.[\w-]{1,60}){1,4}:([^\s"'/:@]{8,64})(?![^\s"'])"""),
        lambda value: is_unique(value) or is_strong(value)),
    Form("password", "login", compiled(
        r"""(?<![\w-])login(?:[ ](?:successful|with|as|works|is|ist|for|data|details)){0,3}
        (?::\s?|[ ])["'`]?[\w.@-]{1,60}["'`]?\s?[/:]\s?["'`]?(?!/)([^\s"'`]{6,64})"""),
        is_unmistakable),
    *(
        Form("password", call, compiled(
            rf"""{re.escape(call)}\s{{0,8}}(?:["'][^"'\n]{{0,200}}["']|[\w.$]{{1,80}}),\s{{0,8}}
            (?:\d{{1,5}},\s{{0,8}})?(?:["'][^"'\n]{{0,200}}["']|[\w.$]{{1,80}}),\s{{0,8}}
            ["']([^"'\s]{{4,200}})["']"""), is_password, hint="(")
        for call in ("connect(", "getconnection(", "create_user(", "create_superuser(", "pdo(",
                     "mysqli(")
    ),
    Form("password", "@tcp(", compiled(  # a driver of Go
        r"""[\w.-]{1,32}:([^\s@:/"']{3,64})@tcp\("""), is_value, back=97, hint="@"),
    Form("password", "credential", compiled(
        r"""credentials?(?:\.basic)?\(\s{0,8}(?:["'][^"'\n]{1,80}["'],\s{0,8}){1,3}
        ["']([^"'\s]{4,200})["']"""), is_password, hint="cred"),
    *(
        Form("secret", call, compiled(rf"""{re.escape(call)}\s{{0,8}}["']([^"'\n]{{4,200}})["']"""),
            is_password, hint=hint)
        for call, hint in (
            ("secretstr(", "secret"), ("secret::new(", "secret"), ("secretstring::new(", "secret"),
            ("secretstring::from(", "secret"), ("hash::make(", "("), ("cookieparser(", "("))
    ),
    Form("password", "password", compiled(
        r"""password[ ](?:was[ ])?(?:changed[ ])?from[ ]["'`]?
        (?:\[redacted:[^\]\n]{1,60}\]|[^\s\[]{1,200})["'`]?[ ]to[ ]["'`]?
        ([^\s"'`]{6,64})"""), is_password, hint="pass"),
    Form("password", "login=", compiled(r"login=[\w.-]{1,60}:([^\s@]{4,200})"), is_password,
        hint="login"),
    Form("secret", "::add-mask::", compiled(r"::add-mask::([^\s$]{4,500})"), is_value, hint="::"),
    Form("secret", "unsafeplaintext(", compiled(
        r"""unsafeplaintext\(["']([^"'\n]{4,200})["']"""), is_password, hint="("),
    Form("password", "form-data; name=", compiled(
        r"""form-data;[ ]name="\w{0,40}(?:pass|token|secret)\w{0,40}"(?:\r?\n){2}(\S{4,500})"""),
        is_value, hint="="),
    Form("password-hash", "scram-sha-256$", compiled(
        r"scram-sha-256\$\d{1,8}:([\w+/=:$]{60,200})"), hint="$"),
    Form("secret", "jwt.", compiled(  # the key that it is signed with
        r"""jwt\.(?:sign|verify|encode|decode)\([^\n]{1,200}?,\s{0,8}["']([^"'\s]{4,200})["']\s{0,8}[,)]"""),
        is_password, hint="j"),
    Form("password", "pwd={", compiled(r"pwd=\{([^{}\n]{4,128})\}"), is_password, hint="pw"),
    Form("password", "password ", compiled(  # of Elasticsearch
        r"""password[ ][\w.@-]{1,40}[ ]=[ ]([^\s"'`,;()<>\[\]{}]{8,64})"""), is_password,
        hint="pass"),
    Form("password", "authident", compiled(  # of Yarn
        r"""authident["']?:\s{0,4}["']?[^\s:"']{1,80}:([^\s"']{4,200})"""), is_value, hint="auth"),
    Form("token", "-oauth", compiled(  # of Composer
        r"""-oauth\\?["']\s{0,4}:\s{0,4}\{\s{0,40}\\?"[\w.-]{1,80}\\?"\s{0,4}:\s{0,4}\\?"([^"\s\\]{16,200})"""),
        is_random, hint="auth"),
    Form("password", "bundle_", compiled(
        r"""bundle_\w{1,120}=["']?([\w.-]{1,80}:[\w.~-]{6,200})"""), is_password, hint="="),
    *(
        Form("token", name, compiled(
            rf"""(?<=[a-z0-9]){name}\s{{0,2}}["']?([\w./+~-]{{20,200}})"""), _is_token,
            hint=name[-1])
        for name in ("_pat=", "_pat:")
    ),
    Form("secret-key", "define(", compiled(  # of WordPress
        r"""define\(\s?["'](?:\w{1,20}_)?(?:auth|logged_in|nonce)_(?:key|salt)["'],\s{0,20}["']
        ([^\n]{40,100}?)["']\s?\)"""), is_random, hint="("),
    Form("password", "password:", compiled(  # expect
        r"""password:\s?["'}]{1,2}\)?[\s;]{0,8}\{?\s{0,8}(?:\w{1,20}\.)?
        send(?:_user|line)?[\s(]{1,4}(?:--\s)?["']([^"'\\\s]{4,200})"""), is_value, hint="pass"),
    Form("password", "set password", compiled(
        r"""set\s+password\s+(?:for\s+\S{1,120}\s+)?=\s{0,4}["']([^"'\n]{3,200})["']"""),
        is_value, hint="pass"),
    *(
        Form("password", name, compiled(
            rf"""{name}["']?,?\s{{1,4}}["']?(?:--\w{{1,12}}[ ])?([^\s"']{{3,200}})"""),
            is_password, hint=hint)
        for name, hint in (("requirepass", "pass"), ("masterauth", "auth"), ("bindpw", "pw"),
                           ("rootpw", "pw"))
    ),
    Form("password", "auth ", compiled(  # of Redis, or SMTP
        r"""(?<![\w-])(?-i:AUTH)[ ](?:\w{1,40}[ ])?([^\s"'`]{6,200})[ ]{0,4}(?:$|\n)"""),
        is_password, hint="auth"),
    Form("url-password", "%3a%2f%2f", compiled(
        r"%3A%2F%2F[\w.-]{0,120}%3A([^\s%&]{1,200})%40"), is_value, hint="%"),
    Form("password", "use ", compiled(
        r"""use[ ]["'`]?([^\s"'`]{6,64})["'`]?[ ](?:as|for)[ ](?:\w+[ ]){0,3}
        pass(?:word|phrase|code)(?![ -]hash)"""),
        is_password, hint="pass"),
    Form("token", "use ", compiled(
        r"""use[ ]["'`]?([^\s"'`]{16,200})["'`]?[ ]as[ ](?:\w+[ ]){0,3}(?:token|key)"""),
        is_random, hint="token"),
    *(
        Form("token", asked, compiled(
            rf"""{re.escape(asked)}\s{{1,4}}(?:\w{{1,20}}:[ ])?["'`]?([\w./+=-]{{16,200}})
            ["'`]?[.]?(?:\s|$)"""), is_random, hint=hint)
        for asked, hint in (("key?", "key"), ("token?", "token"), ("secret?", "secret"))
    ),
    *(
        Form("password", name, compiled(
            rf"""{name}(?:ential|enciale|enziali)?s?(?:[ ]for[ ][\w.-]{{1,40}})?\s?
            (?:are|is|sono|son|sind|lauten|saved|->|[:=])\s?[(]?["'`]?[\w.@-]{{1,60}}["'`]?
            (?:\s?[/:]\s?|[ ](?:und|and|e)[ ])["'`]?(?![a-z]\.[a-z])([^\s"'`]{{6,64}})"""),
            is_password, hint=hint)
        for name, hint in (("cred", "cred"), ("zugangsdaten", "zugang"))
    ),
    Form("password", "log in ", compiled(
        r"""log[ ]in[ ](?:with|as|using)[ ]["'`]?[\w.@-]{1,60}["'`]?[ ]?/[ ]?
        ["'`]?([^\s"'`]{6,64})"""), is_password),
    Form("password", "password", compiled(
        r"""password[^\n."'`]{0,40}?[,:;][ ](?:I[ ])?(?:typed?|entere?d?|used?|try|tried)[ ]
        ["'`]?([^\s"'`,;]{6,64})"""),
        is_password, hint="pass"),
    Form("password", "passw", compiled(  # check_password_hash(it, "...")
        r"""passw(?:or)?d[\w.]{0,30}\(\s{0,8}(?:(?:[\w.$]{1,60}|["'][^"'\n]{0,80}["']),\s{0,8}){0,2}?
        (?:\[\]byte\()?b?["']([^"'\s@]{6,200})["']"""), is_unmistakable, hint="pass"),
    *(
        Form("password", call, compiled(
            rf"""{call}[\w.]{{0,30}}\(\s{{0,8}}(?:\[\]byte\()?b?["']([^"'\s]{{6,200}})["']"""),
            is_unmistakable, hint=hint)
        for call, hint in (("crypt", "("), ("argon2", "("), ("frompassword", "pass"),
                           ("pwd_context.", "pw"))
    ),
    *(
        Form("secret", trigger, compiled(pattern), is_value, hint='"')  # of Terraform
        for trigger, pattern in (
            ("default", r"""default\s{0,20}=\s{0,4}"([^"\n]{4,200})"[^{}]{0,300}?
                \bsensitive\s{0,20}=\s{0,4}true"""),
            ("sensitive", r"""sensitive\s{0,20}=\s{0,4}true[^{}]{0,300}?
                \bdefault\s{0,20}=\s{0,4}"([^"\n]{4,200})\""""),
        )
    ),
    Form("password", "pin ", compiled(
        r"""(?<![\w-])pin[ ](?:code[ ])?(?:for[ ](?:\w{1,40}[ ]){1,4})?is[ ](\d{4,12})(?!\d)""")),
    Form("password", "send ", compiled(r"""send[ ](?:--[ ])?"([^"\\\s]{6,200})\\{1,2}[rn]\""""),
        is_password, hint='"'),
    Form("password", "pass: ", compiled(  # of YAML
        r"""(?<![^ \n])(?-i:pass):[ ]([^\s"'`]{8,64})[ ]{0,4}(?:\n|$)"""), is_password,
        hint="pass"),
    Form("token", "authtoken ", compiled(
        r"""[_-]authtoken[ ]{1,2}["']?([^\s"']{8,200})"""), is_password, back=1, hint="auth"),
    Form("password", "user", compiled(
        r"""user(?:name)?[ :=]\s?["'`]?[\w.@-]{1,60}["'`]?[ ,;/]{1,3}pass[ ]\s?
        ["'`]?([^\s"'`]{6,64})"""),
        is_password, hint="pass"),
    *(
        Form("password", name, compiled(
            rf"""(?<!\S)["'`]?([^\s"'`]{{6,64}})["'`]?[ ]is[ ](?:the|my|our)(?:[ ]\w{{1,20}}){{0,2}}
            [ ]{name.strip().replace(" ", "[ ]")}(?![ -]?\w)"""), is_password, back=120, hint=hint)
        for name, hint in ((" password", "pass"), (" passphrase", "pass"), (" api key", "key"),
                           (" token", "token"))
    ),
    Form("password", "password", compiled(  # on a line of its own, as installers print it
        r"""password[^\n:]{0,120}:[ \t]{0,4}(?:\r?\n[ \t]{0,8}){1,3}([^\s"'`]{8,200})
        [ \t]{0,4}(?:\r?\n|$)"""), is_password, hint="pass"),
    *(
        Form("recovery-code", f"{what} code", compiled(
            rf"""{what}[ ]codes?:?\s{{1,4}}((?:(?:[-*•][ ]|\d{{1,2}}[.)][ ])?[ \t]{{0,8}}
            (?=[a-z-]{{0,12}}\d)[a-z0-9]{{4,8}}(?:-[a-z0-9]{{4,8}}){{1,3}}
            [ \t,]{{0,4}}\n?){{1,20}})"""),
            hint=" code")
        for what in ("recovery", "backup")
    ),
    Form("vault-token", "unseal key", compiled(
        r"unseal[ ]key(?:[ ]\d{1,2})?:[ ]([a-z0-9+/=]{32,200})"), hint="key"),
    Form("license-key", " key", compiled(
        r"""(?:activation|licen[cs]e|product|serial)[ ]key[ ]?(?:is|:|=)?[ ]{0,2}
        ([A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){3,7})"""), back=10, hint="key"),
    Form("token", "_session", compiled(  # of the command lines of 1Password and Bitwarden
        r"""(?:(?<=bw)|(?<=op))_session(?:_\w{1,40})?\s?=\s?["']?([\w+/=-]{20,200})"""),
        is_random, hint="="),
    Form("ansible-vault", "$ansible_vault;", compiled(
        r"\$ansible_vault;[\w.;-]{4,80}((?:\s{1,40}[0-9a-f]{8,100}(?![0-9a-z])){1,2000})"),
        hint="$"),
    *(
        Form("password-hash", scheme, compiled(
            rf"""{re.escape(scheme)}[abyid]{{0,2}}\$(?:[\w=,]{{1,40}}\$){{0,3}}([\w./+$-]{{20,200}})"""),
            is_random, hint="$")
        for scheme in ("$2", "$6", "$y", "$apr1", "$argon2")
    ),
    *(
        Form("wallet-phrase", name, compiled(
            rf"""{name}(?:[ ]phrase|[ ]words)?\\?["']?\s{{0,2}}(?:is|are|:|=)?\s{{0,4}}\\?["']?
            ((?:[a-z]{{3,8}}[ ]){{11,23}}[a-z]{{3,8}})(?![a-z])"""), hint=hint)
        for name, hint in (("mnemonic", "mn"), ("seed", " phrase"), ("recovery", " phrase"))
    ),
    Form("api-key", "appid=", compiled(r"(?<=[?&])appid=([0-9a-f]{32})"), hint="="),
    Form("password", "identified ", compiled(
        r"""identified\s+(?:with\s+["'`]?\w{1,60}["'`]?\s+)?by\s+(?:password\s+)?
        ["']([^"'\n]{3,200})["']"""), is_value),
    *commands.FORMS,
)  # fmt: skip
# Found only in a text with a long run: these have one themselves.
_WITH_RUN = (
    Form("slack-webhook", "hooks.slack.com", compiled(
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]{20,200})"), hint="hook"),
    Form("discord-webhook", "/webhooks/", compiled(r"/webhooks/(\d{10,25}/[\w-]{20,120})"),
        hint="hook"),
    Form("teams-webhook", "webhook.office.com", compiled(
        r"webhook\.office\.com/webhookb2/([\w@-]{30,120}/\w{1,40}/[\w/-]{20,130})"), hint="hook"),
    Form("telegram-token", ":a", re.compile(r"(?<!\d)(\d{8,10}:A[\w-]{32,36})(?![\w-])"), back=10,
        hint=":"),
    Form("sendgrid-key", "sg.", re.compile(r"(?<!\w)(SG\.[\w-]{16,64}\.[\w-]{16,64})")),
    Form("google-token", "ya29.", re.compile(r"(?<!\w)(ya29\.[\w-]{20,512})")),
    Form("google-token", "1//0", re.compile(r"(?<![\w/:])(1//0[\w-]{30,256})")),
    Form("vault-token", "hv", re.compile(r"(?<!\w)(hv[sbr]\.[\w-]{20,512})")),
    Form("terraform-token", ".atlasv1.", re.compile(
        r"(?<!\w)([A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,80})"), back=14),
    Form("doppler-token", "dp.", re.compile(r"(?<!\w)(dp\.[a-z]{2,6}\.[\w.-]{30,100})")),
    Form("dynatrace-token", "dt0c01.", re.compile(r"(dt0c01\.[A-Z0-9]{20,30}\.[A-Z0-9]{40,70})")),
    Form("google-key", "aq.", re.compile(r"(?<![\w.])(AQ\.[\w-]{30,120})")),
    Form("azure-secret", "q~", re.compile(r"(?<![\w~.-])([\w~.-]{3}[78]Q~[\w~.-]{31,34})"), back=4,
        hint="~"),
    Form("mailchimp-key", "-us", re.compile(r"(?<![\w-])([0-9a-f]{32}-us\d{1,2})(?!\w)"), back=32),
    Form("dropbox-token", "sl.", re.compile(r"(?<![\w.])(sl\.(?:u\.)?[\w-]{100,1500})")),
    Form("asana-token", "/1", re.compile(
        r"(?<![\w/])([012]/\d{10,20}(?:/\d{10,20})?:[0-9a-f]{32})(?!\w)"), back=1),
    Form("twitch-token", "oauth:", re.compile(r"oauth:([a-z0-9]{30})(?![a-z0-9])"), hint="auth"),
    Form("plaid-token", "access-", re.compile(
        rf"(?<![\w-])(access-(?:production|sandbox|development)-{_UUID})")),
    Form("hubspot-token", "pat-", re.compile(rf"(?<![\w-])(pat-(?:na|eu|ap)\d-{_UUID})")),
    Form("twitter-token", "a" * 16, re.compile(r"(?<!\w)(A{16,25}[\w%]{60,120})")),
    Form("private-key", '"kty"', re.compile(
        r'"kty"[^{}]{0,2000}?"d"\s{0,3}:\s{0,3}"([\w-]{20,1024})"'), hint='"'),
    Form("cookie", "e\t", re.compile(  # a file of curl's
        r"\t(?:TRUE|FALSE)\t\d{1,12}\t[\w.-]{1,80}\t(\S{16,4096})"), _is_token, back=5,
        hint="\t"),
    Form("cloudflare-key", "v1.0-", re.compile(
        r"(?<![\w.])(v1\.0-[0-9a-f]{24}-[0-9a-f]{100,200})")),
    Form("openvpn-key", "static key", compiled(
        r"""begin[ ]openvpn[ ]static[ ]key[ ]v1-{5}((?:\s{1,40}[0-9a-f]{32}){1,16})"""), back=14,
        hint="key"),
    Form("conda-token", "/t/", compiled(r"/t/([a-z0-9-]{30,60})/")),
    Form("openshift-token", "sha256~", compiled(r"(sha256~[\w-]{43})(?![\w-])"), hint="~"),
    Form("token", "token-", compiled(  # of Rancher
        r"token-[a-z0-9]{5}:([a-z0-9]{54})"), hint="token"),
    Form("signature", "signature=", compiled(r"(?<=[?&])signature=([\w~.%-]{100,800})"),
        hint="="),
    Form("secret", "input_value=", compiled(  # of Pydantic, that quotes what is wrong
        r"""input_value=["']([^"'\s]{20,500})["']"""), is_random, hint="="),
    Form("token", "auth", compiled(r"""(?<![\w.-])auth["']?:\s{0,3}["']([\w-]{20,255})["']"""),
        is_generated),
    Form("cookie", '"name"', compiled(
        r""""name"\s?:\s?"[\w.-]{0,60}(?:sess|sid)[\w.-]{0,60}"\s?,\s?"value"\s?:\s?"([^"\s]{16,4096})\""""),
        _is_token, hint='"'),
    Form("secret", '"jwt', compiled(
        r""""jwt\w{0,20}"\s?:\s?\{[^{}]{0,200}?"\w{0,20}key"\s?:\s?"([^"\s]{16,500})\""""),
        is_random, hint='"'),
    Form("secret", "encryption:", compiled(  # of ESPHome
        r"""encryption:\s{1,40}key:[ ]["']?([a-z0-9+/]{43}=)"""), hint="key"),
    Form("braintree-token", "$production$", compiled(
        r"access_token\$production\$([a-z0-9]{16}\$[0-9a-f]{32})"), back=12, hint="$"),
    Form("azure-key", "key", compiled(
        r"""key[12]["']?[,\s]{1,40}(?:["']?permissions["']?:\s)?["']?full["']?[,\s]{1,40}(?:["']value["']:\s)?["']?
        ([a-z0-9+/]{86}==)""")),
    Form("kubernetes-token", "::server:", compiled(
        r"(K10[0-9a-f]{64}::server:[0-9a-f]{32,64})"), back=67, hint="::"),
    Form("token", "secret", compiled(rf"secret[ _]?id[\s=:\"']{{1,20}}({_UUID})")),
    Form("kaggle-key", '"username"', compiled(
        r""""username"\s?:\s?"[^"\n]{1,80}",\s?"key"\s?:\s?"([0-9a-f]{32})\""""),
        hint='"'),
    Form("artifactory-key", "x-jfrog-art-api", compiled(
        r"""x-jfrog-art-api["']?:\s{0,3}["']?([\w.-]{20,2048})"""), hint=":"),
    Form("wallet-key", "accounts", compiled(  # of Hardhat
        r"""accounts["']?\s?:\s?\[\s{0,40}["'`](?:0x)?([0-9a-f]{64})["'`]"""), hint=":"),
    *(
        Form("api-key", call, compiled(  # its only argument, or its first
            rf"""{re.escape(call)}\s{{0,8}}["']([\w-]{{24,200}})["']\s{{0,8}}(?:\)|,\s{{0,8}}[^"'\s])"""),
            is_generated, hint=opened)
        for call in ("client(", "github(", "pinecone(", "openai(", "anthropic(", "stripe(",
                     "textencoder().encode(")
        for opened in _QUOTED
    ),
    *(
        Form("secret", call, compiled(  # of keys
            rf"""{re.escape(call)}[\w.:]{{0,30}}\(\s{{0,8}}
            (?:(?:["'][\w-]{{1,16}}["']|[\w.$:]{{1,60}}),\s{{0,8}}){{0,2}}
            (?:\[\]byte\(|[\w.]{{1,20}}getbytes\()?b?["']([^"'\s]{{16,200}})["']"""),
            is_random, hint=hint)
        for call, hint in (("hmac", "("), ("createcipher", "("), ("aes.", "("),
                           ("secretkeyspec", "key"), ("signingkey", "key"), ("securitykey", "key"))
    ),
    *(
        Form("token", call, compiled(
            rf"""{re.escape(call)}\s{{0,8}}["']([\w:-]{{24,200}})["']\s{{0,8}}\)"""), _is_alone,
            hint=opened)
        for call in ("bot(", ".run(", ".login(", "updater(", "')(")
        for opened in _QUOTED
    ),
    *(
        Form("secret", call, compiled(
            rf"""{re.escape(call)}(?:["']\w{{2,12}}["'],\s{{0,4}})?b?["']([^"'\s]{{16,200}})["']"""),
            is_random, hint="(")
        for call in ("fernet(", "hmac.new(", "createhmac(")
    ),
    *(
        Form("token", verb, re.compile(rf"""{verb}["']?([\w-]{{32,200}})(?![\w.])"""), _is_token,
            hint=hint)
        for verb, hint in (("login ", "login"), ("auth ", "auth"))  # wandb login, snyk auth
    ),
    Form("token", "sed ", compiled(  # s/YOUR_API_KEY/.../
        r"""sed[ ](?:-\w{1,3}[ ]){0,3}["']?s[/|\#@](?=[^/|\#@\n]{0,80}?(?:key|token|secret|passw))
        [^/|\#@\n]{1,120}[/|\#@]
        ([^\s"'/|\#@]{8,200})"""), is_random),
    *(
        Form(kind, word, compiled(  # "the token that you need is ...", --key ..., "key": "..."
            rf"""(?<![a-z0-9_+/])(?<!public[ ]){word}s?["'`*]{{0,3}}
            (?:(?:[ ][a-z][\w']{{0,19}},?){{0,6}}?(?:[ ](?:is|are|ist|est|es|è|é))?[:=]?[*]{{0,2}}
                \s{{1,20}}
                |\s{{0,4}}[:=]\s{{0,4}})
            [*]{{0,2}}(?:\\?["'`])?([\w-]{{20,200}})(?![\w./+=])"""), _is_alone, hint=word,
            rank=BY_NAME)
        for kind, word in (("api-key", "key"), ("token", "token"), ("secret", "secret"))
    ),
    Form("token", "--pat", re.compile(r"--pat[ =]([\w-]{20,200})(?![\w./])"), _is_token),
    Form("1password-key", "a3-", re.compile(
        r"(?<![\w-])(A3-[A-Z0-9]{6}-[A-Z0-9]{6}(?:-[A-Z0-9]{5}){4})(?![\w-])"), hint="a3-"),
    Form("wireguard-key", "private-key <(", compiled(
        r"""private-key[ ]<\(echo[ ]["']?([a-z0-9+/]{43}=)"""), hint="key"),
    Form("token", "value(", compiled(  # of Swift
        r"""value\("([^"\s]{16,500})",\s{0,8}forhttpheaderfield:\s?"[\w-]{0,40}(?:key|token|auth)"""),
        hint="(", accept=_is_token),
    Form("secret", ".signwith(", compiled(
        r"""\.signwith\([\w.]{1,60},\s{0,8}"([^"\s]{16,500})\""""), is_random, hint="("),
    Form("token", "service install", compiled(
        r"""service[ ]install[ ]["']?(?!-)([\w=+/-]{8,2048})"""), is_random),  # cloudflared
    Form("saml", "samlresponse", compiled(
        r"""samlresponse["']?(?:\s{1,4}value)?\s{0,3}[=:]\s{0,3}["']?
        ([A-Za-z0-9+/=%]{40,65536})""")),
    Form("vault-token", "operator unseal ", compiled(
        r"""operator[ ]unseal[ ](?:-[\w=-]{1,40}[ ]){0,2}["']?([a-z0-9+/=]{32,200})"""), hint="op"),
    Form("token", "totp", compiled(
        r"""totp[ _](?:secret|seed|key)[ ]?(?:is|:|=)?[ ]?["'`]?([a-z2-7]{16,64})(?![a-z0-9])"""),
        is_random, hint="otp"),
    Form("fly-token", "fm", re.compile(r"(?<!\w)(fm[12][ar]?_[\w+/=-]{60,2048})")),
)  # fmt: skip


ALWAYS, WITH_RUN = by_hints(_ALWAYS), by_hints(_WITH_RUN)
