"""A catalogue of seeded faults: does the diagnosis name the right one, and does its first remedy help?"""
