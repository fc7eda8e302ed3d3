package ftfy

// badRules are the sequences that give mojibake away.
var badRules = []rule{
	// Unlikely neighbours, by category.
	seq(in(c1)),
	seq(in(bad|accented|box|startPunct|endPunct|currency|numeric|law), in(bad)),
	seq(in(asciiLetter), in(lowerCommon|upperCommon), in(bad)),
	seq(in(bad), in(accented|box|startPunct|endPunct|currency|numeric|law)),
	seq(in(lowerAccented|lowerCommon|box|endPunct|currency|numeric), in(upperAccented)),
	seq(in(box|endPunct|currency|numeric), in(lowerAccented)),
	seq(in(lowerAccented|box|endPunct), in(currency)),
	seq(in(white), in(upperAccented), in(currency)),
	seq(in(upperAccented|box), in(numeric|law)),
	seq(in(accented|box|currency|endPunct), in(startPunct), in(numeric)),
	seq(in(accented|currency|numeric|box|law), in(endPunct), in(startPunct)),
	seq(in(currency|numeric|box), in(startPunct)),
	seq(in(asciiLower), in(upperAccented), in(startPunct|currency)),
	seq(in(box), in(kaomoji)),
	seq(in(accented|currency|numeric|startPunct|endPunct|law), in(box)),
	seq(in(box), in(endPunct)),
	seq(in(accented), in(startPunct|endPunct), in(wordChar)),

	// The ligature oe before anything but a plain Latin letter.
	seq(one("Œœ"), notIn(asciiLetter)),
	// A degree sign after a capital.
	seq(in(upperAccented), one("°")),

	// Two characters of UTF-8 in Windows-1252.
	seq(one("ÂÃÎÐ"), in(startPunct|endPunct, "€œŠš¢£Ÿž\u00a0\u00ad®©°·»–—´")),
	seq(one("×"), one("²³")),
	// Arabic in Windows-1252: two letters of it, since each alone is common.
	seq(one("ØÙ"), in(arabicSecond, arabicExtra), one("ØÙ"), in(arabicSecond, arabicExtra)),
	// Scripts of South Asia in Windows-1252.
	seq(one("à"), one("²µ¹¼½¾")),
	// a with grave or acute accent and the no-break space in Windows-1252, the
	// latter perhaps turned into a space.
	seq(one("Ã"), one("\u00a0¡")),
	seq(in(asciiLower), one("ÃÂ"), one(" ")),
	seq(in(asciiLower), in(white), one("ÃÂ"), one(" ")),
	{atStart: true, atoms: []atom{one("ÃÂ"), one(" ")}},
	// A with circumflex before a character that it also encodes.
	seq(in(asciiLower|endPunct, ".,?!"), one("Â"), in(startPunct|endPunct, " ")),

	// MacRoman.
	seq(one("√"), one("±∂†≠®™´≤≥¥µø")),
	seq(one("≈"), one("°¢")),
	seq(one("‚"), one("Ä"), one("ìîïòôúùû†°¢π")),
	seq(one("‚"), one("âó"), one("àä°ê")),

	// Punctuation, and Latin or Cyrillic letters, in Windows-1251.
	seq(one("в"), one("Ђ")),
	seq(one("ВГРС"), in(c1|bad|startPunct|endPunct|currency, "°µ"), one("ВГРС")),
	// Windows-1252 read as Latin-1 and then as Windows-1251.
	seq(one("Г"), one("ў"), one("В"), one("Ђ"), one("В"), notIn(lineEnd), in(asciiLetter, " ")),

	// Punctuation, and Latin or Greek letters, in Windows-1253.
	seq(one("β"), one("€"), one("™\u00a0Ά\u00ad®°")),
	seq(one("ΒΓΞΟ"), in(c1|bad|startPunct|endPunct|currency, "°"), one("ΒΓΞΟ")),

	// Punctuation in Windows-1257.
	seq(one("ā"), one("€")),
}

const (
	arabicSecond = common | currency | bad | numeric | startPunct
	arabicExtra  = "ŸŠ®°µ»"
)
