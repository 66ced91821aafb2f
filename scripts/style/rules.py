# SPDX-License-Identifier: MIT
"""The rules: sentences of blocks, and the findings in them."""
import re

LONGEST = 40
PLACEHOLDERS = {"it", "that", "one", "who", "what", "such"}
WORD = re.compile(r"[A-Za-z](?:[\w'/-]*\w)?|\d[\w.,]*")

SUBJECTS = {"who", "what", "whoever", "whatever"}
# Behind one of these a clause can begin that is the object of a preposition, or
# a clause of its own: they are no noun that "who" could refer to.
OPENERS = set(
    "and or but nor so yet that than if when while because since unless until "
    "where though although as of to from for by with in on at under over "
    "beside besides behind between before after against without within like "
    "into onto upon about among through is are was were be not only".split())
# A clause behind one of these is an indirect question: "it tells who waits".
ASKING = set(
    "ask asks asked asking tell tells told telling know knows knew known "
    "knowing say says said saying see sees seen show shows showed shown "
    "find finds found decide decides decided learn learns learned learnt "
    "check checks checked explain explains explained describe describes "
    "described determine determines determined question out on matter "
    "matters clear unclear unknown understand remember wonder report reports "
    "reported print prints printed choose chooses whatever regardless "
    "about".split())
# What "what" must be followed by to be the subject of its clause.
VERBS = set(
    "is isn't was wasn't are were has hasn't had have can can't cannot could "
    "may might must will won't would shall should does doesn't did didn't do "
    "becomes became came comes counts happened happens follows followed goes "
    "went lies lay looks made makes matters meant means needed needs remained "
    "remains says said stands stood stays stayed takes took belongs changes "
    "changed concerns runs ran makes moves moved waits depends cannot never "
    "always then there begins breaks brings carries connects copies crosses "
    "decides disturbs ends fails falls fills finds fits hangs holds keeps "
    "lingers passes proves reads seems sends shares starts tells "
    "writes".split())
# "who" behind these has its noun: "the clients who ..."; and these are no verbs.
NO_VERB = set("the a an we you they he she i it this these those".split())


class Sentence:
    """The text of a sentence, the line on which it begins, its words."""

    def __init__(self, line, text):
        self.line, self.text = line, text
        # A word in quotation marks is spoken of, not used.
        self.plain = re.sub(r'"[\w\'., ]{1,24}"', "CODE", text)
        self.words = WORD.findall(self.plain)

    @property
    def question(self):
        return self.text.rstrip("\"')").endswith("?")


END = re.compile(r"(?<![\s.(][a-z])(?<!e\.g)(?<!i\.e)(?<!etc)(?<!vs)"
                 r"[.!?][\"')]*(?=\s+(?:[A-Z\"'(\d@]|\w+:)|\s*$)")


def sentences(block):
    """The sentences of a block, each with its line."""
    text, starts = "", []
    for number, piece in block:
        if text and re.match(r"[.,;:?!)]", piece) is None:
            text += " "
        starts.append((len(text), number))
        text += piece
    begin = 0
    for end in [m.end() for m in END.finditer(text)] + [len(text)]:
        piece = text[begin:end]
        if WORD.search(piece):
            first = begin + len(piece) - len(piece.lstrip())
            line = [number for start, number in starts if start <= first][-1]
            yield Sentence(line, " ".join(piece.split()))
        begin = end


def placeholders(sentence):
    """The words in it that stand for a noun instead of naming it."""
    return [word for word in sentence.words
            if word.lower().split("'")[0] in PLACEHOLDERS]


def headless(sentence):
    """The clauses whose subject is "who" or "what", with no noun and no question.

    The word begins the sentence, or follows ; : ( or a dash, or a word of
    OPENERS, or, as "what", any word that asks no question (ASKING), or, as
    "who", a comma that ends a subordinate clause. "what" must be followed by a
    verb: in "what the kernel keeps" the subject is the kernel.
    """
    if sentence.question:
        return []
    found = []
    tokens = re.findall(r"[\w'/-]+|[;:(,]|--", sentence.plain)
    earlier_who = False
    for n, token in enumerate(tokens):
        word = token.lower()
        if word not in SUBJECTS:
            continue
        after = tokens[n + 1].lower() if n + 1 < len(tokens) else ""
        before = tokens[n - 1].lower() if n else ""
        if word.startswith("what"):
            subject = after in VERBS
            begins = before not in ASKING
        else:
            subject = after not in NO_VERB and after.isalpha()
            begins = not before or before in (";", ":", "(", "--") \
                or before in OPENERS and before not in ASKING \
                or before == "," and tokens[0].lower() in OPENERS \
                and tokens.index(",") == n - 1
            if before in ("and", "or", "but") and earlier_who:
                begins = False
            earlier_who = True
        if subject and begins:
            found.append(" ".join(tokens[n:n + 5]))
    return found


def too_long(sentence):
    """[its number of words] if those are more than LONGEST"""
    count = len(sentence.words)
    return ["%d words" % count] if count > LONGEST else []
