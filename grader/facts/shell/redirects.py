"""Read redirections: the files that a command reads and writes, and here-documents."""

from __future__ import annotations

from grader.facts.shell.commands import Commands, Surroundings
from grader.facts.shell.tokens import Token
from grader.facts.shell.words import Word, expand_text, expand_word


def redirected_files(redirects: list[Token], around: Surroundings, commands: Commands) -> tuple[tuple[str, Word], ...]:
    files = []
    for token in redirects:
        if token.following and token.text.lstrip("0123456789") not in ("<<", "<<-", "<<<"):
            files.append(
                (token.text, expanded_whole(token.following, around, commands) or Word("", token.following.text))
            )
    return tuple(files)


def here_document(redirects: list[Token], around: Surroundings, commands: Commands) -> tuple[str, Token | None]:
    """Return the here-document or here-string that ends up as standard input, and its token."""
    for token in reversed(redirects):
        operator = token.text.lstrip("0123456789")
        if operator in ("<<", "<<-"):
            text = token.body if token.body_quoted else expand_text(token.body, around.variables)[0]
            return commands.spend_text(text), token
        if operator == "<<<" and token.following:
            word = expanded_whole(token.following, around, commands)
            return (word.text if word else ""), token
    return "", None


def expanded_whole(token: Token, around: Surroundings, commands: Commands) -> Word | None:
    """Expand what is not split at blanks: a value, a file's name. None if nothing is left of it."""
    words = commands.spend(expand_word(token, around.variables, split=False)[:1])
    return words[0] if words else None
