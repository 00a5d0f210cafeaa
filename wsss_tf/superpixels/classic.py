"""draft"""
METHODS = {"slic": None, "seeds": None, "lsc": None}
