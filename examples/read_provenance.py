"""Say where a PNG comes from, if it says so itself: python read_provenance.py IMAGE...

Needs no synthaug: the facts are XMP, which every photo tool reads, ours in one JSON field.
"""

import json
import sys
from xml.etree import ElementTree

from PIL import Image

DESCRIPTION = ".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
SOURCE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
RECORD = "{urn:synthaug:provenance:1}provenance"

for path in sys.argv[1:]:
    with Image.open(path) as image:
        packet = image.info.get("XML:com.adobe.xmp")
    if packet is None:
        print(f"{path}: nothing inside says where it comes from")
        continue
    facts = ElementTree.fromstring(packet).find(DESCRIPTION).attrib
    print(f"{path}: {facts[SOURCE].rpartition('/')[2]}")
    for name, value in json.loads(facts[RECORD]).items():
        print(f"    {name}: {value}")
