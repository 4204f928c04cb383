"""Say where a PNG comes from, if synthaug made it: python read_provenance.py IMAGE..."""

import html
import json
import re
import sys

from PIL import Image

for path in sys.argv[1:]:
    with Image.open(path) as image:
        packet = str(image.info.get("XML:com.adobe.xmp", ""))
    source = re.search(r'DigitalSourceType="([^"]*)"', packet)
    record = re.search(r'synthaug:provenance="([^"]*)"|synthaug:provenance=\'([^\']*)\'', packet)
    if source is None or record is None:
        print(f"{path}: no provenance inside")
        continue
    facts = json.loads(html.unescape(record[1] or record[2]))
    print(f"{path}: {source[1].rpartition('/')[2]}")
    for name, value in facts.items():
        print(f"    {name}: {value}")
