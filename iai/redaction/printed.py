"""What a command prints alone on the next line: `$ echo $API_TOKEN`, `openssl rand -hex 32`.

Nothing beside such a value says that it is a secret but the command above it.
"""

import re
from collections.abc import Iterator

from iai.redaction.finding import BY_NAME, Finding
from iai.redaction.randomness import is_password, is_unmistakable

# One of these is in every lowered text that has one.
HINTS = frozenset({"secret", "token", "pass", "cred", "key", "pw", "rand"})
KIND = "printed-secret"
_LONGEST = 400  # characters of a command
_HINT = re.compile("|".join(sorted(HINTS)), re.IGNORECASE)

_NAMED = (
    r"(?:secret|token|passw|passphrase|credential|pwd|(?:api|access|private)[_-]?key|master\.key)"
)
_LINE = r"""[^\n]{0,300}?"""
# Commands that print a secret, and others that print what they are told to: a secret if that is
# called so, and looks it. The first line of a file may be anything.
_COMMAND = re.compile(
    rf"""[ \t]{{0,12}}(?:[\w.@:~/\\ \[\]()-]{{0,80}}[$%\#>\u276f\u00bb]{{1,3}}[ ]{{1,3}}
        |In[ ]\[\d{{1,5}}\]:(?=[ ]))?
    (?:sudo[ ])?
    (?:(?P<secret>
        (?:openssl[ ]rand|pwgen|mkpasswd|wg[ ]gen(?:key|psk))\b
      | (?:gh|glab|fly|flyctl|heroku|hcloud|oc|npm|vercel|az|gcloud|databricks)[ ]{_LINE}
        (?:auth[ :]token|auth[ ]print-\w+-token|get-access-token|whoami[ ]-t|token[ ]create)\b
      | (?:pass|gopass)[ ](?:show[ ])?[\w./-]{{2,80}}[ \t]*$
      | (?:op|bw|lpass|rbw|keepassxc-cli|secret-tool|keyring|credstash|chamber|doppler|security
          |teller|infisical)[ ]{_LINE}(?:read|get|show|lookup|find-\w+-password|secrets)\b
      | (?:vault|bao)[ ](?:kv[ ]get|read)[ ]{_LINE}-field
      | aws[ ]{_LINE}(?:get-secret-value|--with-decryption|get-login-password)
      | gcloud[ ]secrets[ ]versions[ ]access\b
      | az[ ]keyvault[ ]secret[ ]show\b
      | kubectl[ ]{_LINE}get[ ]secrets?\b
      | (?:bin/)?(?:rails|rake)[ ]secret\b
      | argocd[ ]admin[ ]initial-password\b
      | (?:php[ ])?artisan[ ]key:generate\b
      | (?:head|tr|dd|cat|base64|xxd|od)[ ]{_LINE}/dev/u?random\b
      | mix[ ]phx\.gen\.secret\b
      | (?:(?:python3?|node|ruby)[ ]|(?<=>[ ])){_LINE}
        (?:token_(?:hex|urlsafe)|randomBytes|SecureRandom|get_random_secret_key)\b
      )
      | (?:echo|printf|printenv)[ ](?:["']?%s(?:\\n)?["']?[ ])?["']?\$?\{{?\w{{0,60}}?{_NAMED}
      | \$env:\w{{0,60}}?{_NAMED}  # of PowerShell
      | (?:python3?|node|ruby|perl|php|psql|mysql|sqlite3|curl|gh|glab|select|GET)[ ]{_LINE}{_NAMED}
      | (?:grep|rg)[ ]{_LINE}{_NAMED}{_LINE}\|[ ]{{0,4}}(?:cut|awk|sed|tr)[ ]
      | (?:cat|jq|yq|ssh|kubectl|oc|git[ ]config|npm[ ]config|aws[ ]configure|heroku|terraform
          |tofu|pulumi|dotenv|sops|docker|podman|consul|etcdctl|redis-cli)[ ]{_LINE}{_NAMED}
      # of Python, Node, Ruby
      | (?:(?<=>[ ])|(?<=\]:)[ ])(?:[A-Za-z_][\w.]{{0,60}}[.\[("']{{1,2}}){{0,2}}\w{{0,40}}?{_NAMED}
    )
    (?![^\n]{{0,300}}(?:public|\.pub\b))[^\n]{{0,300}}$""",
    re.IGNORECASE | re.VERBOSE,
)
_JOINT = re.compile(  # between the commands of a line, and before one that another one runs
    r"""[ ]{0,4}(?:&&|\|\||;)[ ]{0,4}|[ ]--[ ]|\b(?:ba|z)?sh[ ]-l?c[ ]["']?"""
)
_VALUE = re.compile(
    r"""\n[ \t]{0,12}(?:=>[ ]|Out\[\d{1,5}\]:[ ])?["']?(?P<value>[^\s"'`]{8,512})["']?%?"""
    r"""[ \t\r]{0,4}(?=\n|\Z)"""
)


def find(text: str) -> Iterator[Finding]:
    """Yield the lone values below commands that print secrets."""
    fits, end = is_unmistakable, -1  # of the last value: `pwgen` prints several
    for line in _VALUE.finditer(text):
        if line.start() != end:
            above = text[text.rfind("\n", 0, line.start()) + 1 : line.start()]
            if len(above) > _LONGEST or not _HINT.search(above):
                continue
            commands = map(_COMMAND.match, [above, *_JOINT.split(above)])
            command = next(filter(None, commands), None)
            if command is None:
                continue
            fits = is_password if command["secret"] else is_unmistakable
        if fits(line["value"]):
            end = line.end()
            yield Finding(*line.span("value"), KIND, BY_NAME)
