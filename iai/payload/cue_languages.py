"""What decides something in languages other than English: one table, a pattern a language. Pure.

Each pattern is matched at the beginning of a sentence, behind words such as "no" and "please"; the
last words of a sentence decide in Japanese, Chinese and Korean. Verbs are those by which work on
code is asked for; a negation alone ("it does not work") prescribes nothing.
"""

import re

_LEAD = (
    r"(?:(?:nein|ja|doch|bitte|also|ok|okay|gut|alles[ ]klar|non|oui|d'accord|s'il[ ]te[ ]plaît|stp"
    r"|sí|si|no|vale|venga|bueno|claro|pues|por[ ]favor|não|va[ ]bene|per[ ]favore|nee|nie|tak"
    r"|proszę|да|нет|ладно|пожалуйста)\b[,;:.! ]*)*"
)
_LANGUAGES = {
    "German": r"""
        (?:verwende|benutze|nutze|nimm|mach)\b.*\b(?:kein\w*|nicht|nur|statt|stattdessen|sondern)\b
        |nicht[ ].*,[ ]sondern[ ] |(?:doch[ ])?lieber[ ]\w+ |bleib(?:en)?[ ](?:wir[ ])?bei[ ]
        |ab[ ](?:jetzt|sofort)[ ] |keine?[ ](?:neue|weitere|zusätzliche)\w*[ ]
        |lass\b.*\b(?:in[ ]ruhe|so|unverändert|drin|stehen)\W*$
        |(?:fass|rühr|änder\w*|lösch\w*|entfern\w*|füg\w*)\b.*\bnicht\b
        |(?:niemals|nie|immer|nur)[ ](?:\w+[ ]){1,4}(?:\w+(?:en|ern))\W*$
        |wir[ ](?:nehmen|verwenden|bleiben|behalten|(?:haben[ ]uns|hatten[ ]uns)\b.*\bentschieden)
        |(?:ich|wir)[ ](?:möchten?|will|wollen)[ ](?:kein|nicht|nur|lieber)
        |.*\b(?:soll|sollen|darf|dürfen|muss|müssen)\b.*\b(?:immer|nie(?:mals)?|nicht|nur|kein\w*)\b
        |\w+[ ](?:das|es|sie|ihn)\b.*,[ ]nicht[ ](?:im|in|mit|bei|am|über)[ ]
        |.*\b(?:kunde|kundin|team|chef\w*|revision)[ ]will[ ]""",
    "French": r"""
        (?:utilise|utilisez|prends|mets)\b.*\b(?:plutôt|pas|au[ ]lieu[ ]de)\b
        |(?:n'|ne[ ])\w+[ ](?:pas|jamais|plus)[ ](?:\w+[ ])?(?:à|au|le|la|les|l'|de|d'|ce|cette)
        |(?:finalement|plutôt)[ ]\w+ |pas[ ]d(?:e[ ]|')(?:nouve|autre)\w+
        |(?:on|nous)[ ](?:garde|reste|utilise|part[ ]sur|(?:a|avons)[ ]décidé)
        |il[ ]ne[ ]faut[ ](?:jamais|pas) |(?:laisse|garde)\b.*\b(?:tel(?:le)?s?[ ]quel|comme)
        |(?:je|on)[ ](?:préfère|veut[ ]garder) |(?:toujours|jamais)[ ](?:en|de|d')\b
        |\w+[ ](?:ça|cela|les?|la)\b.*,[ ]pas[ ](?:dans|avec|sur|par)[ ]
        |.*\bdoi(?:t|vent)[ ](?:toujours|jamais|rester|être)\b |.*\bjamais[ ]\w+\W*$""",
    "Spanish": r"""
        (?:usa|utiliza|pon|haz)\b.*\b(?:en[ ](?:vez|lugar)[ ]de|no[ ]|solo)
        |no[ ](?:uses(?![ ](?:of|in|for)\b)|añadas|agregues|toques|cambies|borres|elimines
            |metas|pongas|hagas|modifiques)[ ]
        |(?:mejor|siempre|nunca|jamás)[ ](?:us|con|en|pon|haz|dej|la|el|las|los)\w*[ ]
        |al[ ]final[ ](?:vamos|usamos|usa|nos) |nada[ ]de[ ]\w+ |(?:quédate|nos[ ]quedamos)[ ]con[ ]
        |(?:vamos[ ]a[ ]usar|a[ ]partir[ ]de[ ]ahora|de[ ]ahora[ ]en[ ]adelante)
        |(?:hemos[ ])?(?:decidimos|decidido|acordado)[ ] |prefiero[ ]\w+
        |(?:deja|mantén|mantener)\b.*\b(?:como[ ]está|igual|intact\w+)
        |(?:la|el|las|los)[ ]\w+[ ]siempre[ ](?:en|con)[ ]
        |\w{3,}(?:l[oa]s?)[ ].*,[ ]no[ ](?:en|con|por)[ ]
        |.*\b(?:cliente|equipo|jefe|jefa)[ ](?:quiere|prefiere|ha[ ]decidido)[ ]
        |.*\b(?:debe|deben|tiene[ ]que|hay[ ]que)\b.*\b(?:siempre|nunca|solo)\b""",
    "Portuguese": r"""
        (?:usa|use|utilize)\b.*\b(?:em[ ]vez[ ]de|não[ ]|só[ ])
        |não[ ](?:use|usa|adicione|mexa|mexe|altere|mude|apague)[ ]
        |na[ ]verdade[ ](?:usa|use)\w* |nada[ ]de[ ]\w+ |prefiro[ ]\w+ |decidimos[ ]\w+
        |(?:sempre|nunca)[ ](?:em|use|usa|com)[ ] |vamos[ ](?:ficar[ ]com|usar)[ ]""",
    "Italian": r"""
        (?:usa|usate|metti)\b.*\b(?:invece[ ]di|al[ ]posto[ ]di|non[ ])
        |non[ ](?:toccare|usare|aggiungere|cambiare|modificare|cancellare)[ ]
        |meglio[ ](?:usare|tenere|con)[ ] |niente[ ]nuov\w+[ ]
        |(?:abbiamo[ ])?(?:deciso|decidiamo)[ ]di[ ] |sempre[ ](?:in|con)[ ] |preferisco[ ]\w+""",
    "Dutch": r"""
        gebruik\b.*\b(?:in[ ]plaats[ ]van|niet|geen) |geen[ ](?:nieuwe|extra)[ ]
        |we[ ](?:blijven[ ]bij|houden|gebruiken)[ ] |(?:altijd|nooit|liever)[ ]\w+[ ]\w+""",
    "Polish": r"""
        (?:użyj|używaj)\b.*\b(?:zamiast|nie)\b
        |nie[ ](?:dodawaj|zmieniaj|ruszaj|używaj|usuwaj)[ ] |(?:zostajemy|zostańmy)[ ]przy[ ]
        |zdecydowaliśmy[ ] |żadnych[ ]nowych[ ]""",
    "Russian": r"""
        (?:никогда|всегда|только)[ ]\w+(?:й|йте|ть|ем)\b
        |не[ ](?:добавляй|трогай|меняй|используй|удаляй)(?:те)?[ ]
        |(?:лучше[ ])?(?:используй|возьми|сделай)(?:те)?\b.*\b(?:только|\u0430[ ]не|вместо)\b
        |вместо[ ].+[ ](?:используй|возьми|сделай) |(?:мы[ ])?решили[ ]\w+ |никаких[ ]новых[ ]
        |(?:используй(?:те)?)[ ]только[ ] |оставь(?:те)?[ ].*как[ ]есть""",
    "Turkish": r".*\byerine\b.*\b(?:kullan|kullanal\u0131m)\W*$",
    "Japanese": r"""
        .*(?:しないで|しないこと|使わない(?:で)?(?:ください)?|に統一(?:する|して(?:ください)?)?
        |のままで?(?:いい|お願いします)?|(?:ではなく|じゃなくて).+(?:にして|使って)(?:ください)?)[。\uff01\s]*$""",
    "Chinese": r"""
        .*(?:(?:不要|别)(?:再)?(?:引入|添加|使用|修改|改|动|加|用|删)|一律|统一用|保持(?:原样|不变)|以后都)
        |(?:还是|改)(?:用|成|为)\S+ |.*(?:改成|换成)\S+$""",
    "Korean": r""".*(?:대신[ ].*(?:사용|써)|(?:하지|쓰지|건드리지|바꾸지)[ ](?:마|말))""",
}
_DECIDES = re.compile(
    f"{_LEAD}(?:{'|'.join(pattern.strip() for pattern in _LANGUAGES.values())})",
    re.IGNORECASE | re.VERBOSE,
)


def decides(sentence: str) -> bool:
    """Return whether a sentence prescribes something in one of these languages."""
    return _DECIDES.match(sentence) is not None
