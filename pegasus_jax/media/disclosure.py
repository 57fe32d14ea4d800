"""What a synthetic picture or video says of itself, in the words of IPTC's vocabulary of digital source types.

https://cv.iptc.org/newscodes/digitalsourcetype/ lists them; `docs/responsible-use.md` says what a mark does and does
not do.
"""

import dataclasses
from xml.sax.saxutils import escape

from pegasus_jax.version import VERSION

SOFTWARE = f"PEGASUS-JAX {VERSION}"
_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype"
_LONGEST = 500  # characters: a JPEG has room for 64 kB of metadata
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
   <xmp:CreatorTool>{software}</xmp:CreatorTool>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{sentence}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


@dataclasses.dataclass(frozen=True)
class Disclosure:
    """How a picture came to be. Make one by `rendered`, `composed` or `drawn`."""

    source_type: str  # a term of IPTC's vocabulary
    what: str  # in words

    @property
    def source_uri(self) -> str:
        """IPTC's identifier of the source type."""
        return f"{_VOCABULARY}/{self.source_type}"

    @property
    def sentence(self) -> str:
        """For people to read; of characters that every kind of metadata can hold."""
        what = "".join(c if c.isprintable() else " " for c in self.what[:_LONGEST])
        return f"Synthetic, not a recording: {what}. Made by {SOFTWARE}."

    def xmp(self) -> bytes:
        """An XMP packet (ISO 16684-1)."""
        packet = _PACKET.format(source_type=self.source_uri, software=escape(SOFTWARE), sentence=escape(self.sentence))
        return packet.encode()


def rendered(look: str) -> Disclosure:
    """Of what an avatar's networks made alone, wearing a look that is told in words."""
    return Disclosure("trainedAlgorithmicMedia", f"an avatar, {look}")


def composed(what: str) -> Disclosure:
    """Of camera pictures with something of an avatar in them or beside them."""
    return Disclosure("compositeWithTrainedAlgorithmicMedia", what)


def drawn(what: str) -> Disclosure:
    """Of what our own renderer drew of people that do not exist, where nothing was learned from pictures."""
    return Disclosure("algorithmicMedia", what)
