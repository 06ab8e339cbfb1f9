"""`make mutation`: are the rules on which money and access rest really held by their tests?"""
