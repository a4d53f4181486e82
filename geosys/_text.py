"""Text in the two languages every title and sentence comes in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Hold one text in Chinese (the default) and in English."""

    zh: str
    en: str

    def __str__(self) -> str:
        """Return the Chinese text."""
        return self.zh

    def in_language(self, language: str) -> str:
        """Return the text in ``zh`` or ``en``."""
        return self.en if language == "en" else self.zh

    def both(self) -> str:
        """Return both texts, for outputs that show the two side by side.

        Examples
        --------
        >>> Text("河流", "River").both()
        '河流 River'
        """
        return f"{self.zh} {self.en}"
